"""``python -m crawler.marketplace --seed N --port P``: look at the bundled marketplace in a browser."""

from __future__ import annotations

import argparse
import sys
import threading

from crawler.marketplace.generate import generate_marketplace
from crawler.marketplace.server import MarketplaceServer


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m crawler.marketplace", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which marketplace (default: 1)")
    parser.add_argument("--port", type=int, default=8000, help="port on the loopback (default: 8000; 0: a free one)")
    arguments = parser.parse_args()
    with MarketplaceServer(generate_marketplace(arguments.seed), port=arguments.port) as server:
        sys.stdout.write(f"{server.base_url}/  (Ctrl-C ends it)\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
