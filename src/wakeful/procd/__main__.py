"""Entry point of ``python -m wakeful.procd``."""

from wakeful.procd.server import main

if __name__ == "__main__":
    main()
