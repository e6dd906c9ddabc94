"""`python -m bench wake|footprint|soak|visitors|peaks|doors|many|scrape|scale|saving` measures, and prints a table.

All but `scrape`, `scale` and `saving` run in a test cluster that they start themselves. Everything from the network (the
controllers' programs, wheels) is downloaded first, as the cluster has no access to it.
"""

import argparse
import os
import subprocess
import sys

from bench import doors, footprint, grounds, large_objects, many, peaks, scale, scrape, visitors, wake
from bench.many_apps import ManyApps
from bench.saving import run as saving
from bench.soak import run as soak
from tests.e2e import controllers
from tests.e2e.cluster import api_from_environment


def parser() -> argparse.ArgumentParser:
    """All that can be measured, and how."""
    found = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)
    wakes = commands.add_parser(
        "wake", help="how long the first visitor of a sleeping app waits, beside the shortest possible times"
    )
    wakes.add_argument("--samples", type=int, default=10, help="wakes of each kind (default: 10)")
    wakes.add_argument(
        "controllers", nargs="*", metavar="controller", help=f"any of {', '.join(controllers.ALL)} (default: all)"
    )
    sizes = commands.add_parser(
        "footprint", help="how much memory and CPU an idle waker uses, and a new one beside large objects"
    )
    sizes.add_argument("--seconds", type=int, default=60, help="how long to measure each row (default: 60)")
    sizes.add_argument("--apps", type=int, nargs="*", default=[0, 100, 1000], help="numbers of sleeping apps")
    soaks = commands.add_parser(
        "soak", help="random visits, attacks and faults; fails if anything was lost or went astray"
    )
    soaks.add_argument("--minutes", type=float, default=20, help="how long visitors come (default: 20)")
    soaks.add_argument("--seed", type=int, default=1, help="the same seed makes the same choices (default: 1)")
    soaks.add_argument(
        "--pair", nargs=2, metavar="controller", help="two ingress controllers (default: the seed chooses)"
    )
    scrapes = commands.add_parser("scrape", help="what scraping metrics pages costs; needs no cluster")
    scrapes.add_argument("--apps", type=int, default=1000, help="apps on the pages (default: 1000)")
    scales = commands.add_parser("scale", help="what a pass, an event and memory cost with many apps; needs no cluster")
    scales.add_argument("--apps", type=int, nargs="*", default=[100, 1000, 5000], help="numbers of apps")
    scales.add_argument("--namespaces", type=int, nargs="*", default=[1, 200], help="numbers of namespaces")
    savings = commands.add_parser(
        "saving", help="how much of the ideal sleep is reached, in simulated days; needs no cluster"
    )
    savings.add_argument("--days", type=float, default=2, help="simulated days (default: 2)")
    savings.add_argument("--seeds", type=int, default=3, help="runs of each case (default: 3)")
    savings.add_argument("--apps", type=int, default=300, help="number of apps (default: 300)")
    savings.add_argument("--only", default="", help="the cases that have this in their name")
    crowds = commands.add_parser(
        "visitors", help="waiting pages a second on one core, alone and beside thousands of waiting visitors"
    )
    crowds.add_argument("--seconds", type=int, default=10, help="how long to measure each row (default: 10)")
    crowds.add_argument("--crowd", type=int, default=2000, help="held requests, and as many polls (default: 2000)")
    worst = commands.add_parser(
        "peaks", help="the most memory that waker needs while visitors do their worst, one after the other"
    )
    worst.add_argument("--crowd", type=int, default=2000, help="visitors of most kinds (default: 2000)")
    costs = commands.add_parser(
        "doors", help="what listening at doors costs, and a reload of ingress-nginx beside them"
    )
    costs.add_argument("--doors", type=int, nargs="*", default=[1000, 5000], help="numbers of doors")
    costs.add_argument("--samples", type=int, default=5, help="reloads of each kind (default: 5)")
    masses = commands.add_parser("many", help="a new waker among thousands of apps, and how fast it wakes some of them")
    masses.add_argument("--apps", type=int, default=5000, help="number of apps (default: 5000)")
    masses.add_argument("--asleep", type=int, default=3500, help="how many of them sleep (default: 3500)")
    masses.add_argument("--namespaces", type=int, default=200, help="number of namespaces (default: 200)")
    masses.add_argument("--rounds", type=int, default=3, help="wakes of 20 apps of each kind (default: 3)")
    return found


def run_without_cluster(args: argparse.Namespace) -> bool:
    """Whether it was a command that needs none; then it has been run."""
    if args.command == "scrape":
        scrape.run(args.apps)
    elif args.command == "scale":
        scale.run(args.apps, args.namespaces)
    elif args.command == "saving":
        saving.run(args.days, args.seeds, args.apps, args.only)
    else:
        return False
    return True


def main() -> int:
    args = parser().parse_args()
    if run_without_cluster(args):
        return 0
    api = api_from_environment()
    if api is None:
        return run_in_test_cluster()
    try:
        if args.command == "wake":
            wake.run(api, args.controllers or list(controllers.ALL), args.samples)
        elif args.command == "soak":
            return 0 if soak.run(api, soak.SoakPlan(args.minutes, args.seed, args.pair and tuple(args.pair))) else 1
        elif args.command == "doors":
            doors.run(api, args.doors, args.samples)
        elif args.command == "many":
            many.run(api, ManyApps(args.apps, args.asleep, args.namespaces), args.rounds)
        elif args.command == "visitors":
            visitors.run(api, args.crowd, args.seconds)
        elif args.command == "peaks":
            peaks.run(api, args.crowd)
        else:
            footprint.run(api, args.apps, args.seconds)
            large_objects.run(api)
    finally:
        api.close()
    return 0


def run_in_test_cluster() -> int:
    """Run the same command inside the test cluster."""
    with grounds.prepared() as images:
        program = [str(controllers.GROUND / "ground"), "run", "--", sys.executable, "-m", "bench", *sys.argv[1:]]
        return subprocess.run(program, env=os.environ | {"GROUND_IMAGES": str(images)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
