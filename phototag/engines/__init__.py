"""Where photos are decoded and tagged: `local`, in threads of this process; `ray`, on a cluster. The same
batches come out of both, and the catalog is the only record of what is done."""
