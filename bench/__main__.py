"""`python -m bench wake|footprint|soak|visitors|scrape` prints a table, in a test cluster that it starts (but for `scrape`).

What comes from the network (controllers' programs, wheels) is fetched before, for the cluster has no way out.
"""

import argparse
import os
import subprocess
import sys

from bench import footprint, grounds, scrape, visitors, wake
from bench.soak import run as soak
from tests.e2e import controllers
from tests.e2e.cluster import api_from_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    wakes = commands.add_parser("wake", help="how long a first visitor waits, beside the floors")
    wakes.add_argument("--samples", type=int, default=10)
    wakes.add_argument("controllers", nargs="*", metavar="controller", help=", ".join(controllers.ALL))
    sizes = commands.add_parser("footprint", help="memory and CPU of an idle waker")
    sizes.add_argument("--seconds", type=int, default=60)
    sizes.add_argument("--apps", type=int, nargs="*", default=[0, 100, 1000])
    soaks = commands.add_parser("soak", help="random visits and faults; fails if a sleep was wrong")
    soaks.add_argument("--minutes", type=float, default=30)
    soaks.add_argument("--seed", type=int, default=1)
    soaks.add_argument("--pair", nargs=2, default=["traefik", "nginx"], metavar="controller")
    scrapes = commands.add_parser("scrape", help="what reading metrics pages costs; needs no cluster")
    scrapes.add_argument("--apps", type=int, default=1000)
    crowds = commands.add_parser("visitors", help="pages a second on one core, and a crowd at the door")
    crowds.add_argument("--seconds", type=int, default=10)
    crowds.add_argument("--crowd", type=int, default=2000)
    args = parser.parse_args()
    if args.command == "scrape":
        scrape.run(args.apps)
        return 0
    api = api_from_environment()
    if api is None:
        return again_on_ground()
    try:
        if args.command == "wake":
            wake.run(api, args.controllers or list(controllers.ALL), args.samples)
        elif args.command == "soak":
            return 0 if soak.run(api, soak.SoakPlan(tuple(args.pair), args.minutes, args.seed)) else 1
        elif args.command == "visitors":
            visitors.run(api, args.crowd, args.seconds)
        else:
            footprint.run(api, args.apps, args.seconds)
    finally:
        api.close()
    return 0


def again_on_ground() -> int:
    """The same command, inside the test cluster."""
    with grounds.prepared() as images:
        program = [str(controllers.GROUND / "ground"), "run", "--", sys.executable, "-m", "bench", *sys.argv[1:]]
        return subprocess.run(program, env=os.environ | {"GROUND_IMAGES": str(images)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
