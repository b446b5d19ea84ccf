"""`phototag browse`: the catalog in a browser, on the person's own machine. The only home of Starlette."""
