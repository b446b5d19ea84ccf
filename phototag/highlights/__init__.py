"""Albums and films out of the catalog: choose among photos that are known, explain every choice,
lay them out. Looks at photos only through their records and small decodes; knows no taggers, no SQL
and no command line."""
