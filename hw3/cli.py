"""The command ``hw3``: look at the data, run experiments, list and compare runs, measure speed, check a formula."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Any

from hw3 import __version__

AGAIN = "stopped; the same command goes on where this one was"


def _data(arguments: argparse.Namespace) -> None:
    from hw3.data.load import DATA_SETS, load
    from hw3.nets.weights import imagenet_weights
    from hw3.studies.profiles import profile

    size = profile(arguments.profile)
    with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
        sets = [load(name, source=size.source) for name in DATA_SETS]
        weights = imagenet_weights() if size.source is None else None
    if arguments.json:
        rows = [{"name": d.name, "images": len(d), "source": d.source.description, "sha256": d.digest} for d in sets]
        at_hand = ("none at hand", "") if weights is None else (weights.description, weights.digest)
        print(json.dumps([*rows, {"name": "ResNet50 weights", "source": at_hand[0], "sha256": at_hand[1]}]))


def _run(arguments: argparse.Namespace) -> None:
    from hw3.studies.experiments import experiments, matching
    from hw3.studies.parallel import run_all
    from hw3.studies.profiles import profile
    from hw3.studies.run import run
    from hw3.train.device import fabric, first_process

    size = profile(arguments.profile)
    seeds = arguments.seed or list(size.seeds)
    for seed in seeds:
        if not 0 <= seed < 2**40:
            raise ValueError(f"the seed is {seed}; it must be from 0 to 2**40")
    known = experiments(size, arguments.jobs, searching=False)
    names = list(dict.fromkeys(name for pattern in arguments.experiment for name in matching(pattern, list(known))))
    if arguments.dry_run:
        print(json.dumps([_dry(name, known[name], seed) for name in names for seed in seeds], indent=1))
        return
    device = fabric(size.precision, arguments.devices, arguments.num_nodes)
    if any(known[name] is None for name in names):
        known = experiments(size, arguments.jobs)
    wanted = [one for name in names if (one := known[name]) is not None]
    if device.world_size > 1 or len(wanted) * len(seeds) == 1:  # one run at a time, over all devices
        shown = sys.stderr.isatty() and first_process()
        results = [run(one, seed, device, shown) for one in wanted for seed in seeds]
    else:
        results = [result for group in run_all(wanted, seeds, arguments.jobs).values() for result in group]
    if first_process():
        for result in results:
            print(_line(result))


def _dry(name: str, experiment: Any, seed: int) -> dict[str, Any]:
    """The complete configuration of a run and whether it is stored. Nothing is trained."""
    from hw3.studies.run import entry

    if experiment is None:
        return {"name": name, "seed": seed, "state": "to train, when the search has found alpha and the temperature"}
    place = entry(experiment, seed)
    state = "to train" if place.stored() is None else "stored"
    return {"name": name, "seed": seed, "state": state, "key": place.key, **place.what}


def _search(arguments: argparse.Namespace) -> None:
    from hw3.studies.distillation import distillation
    from hw3.studies.profiles import profile
    from hw3.studies.search import search

    wanted = distillation(profile(arguments.profile)).search()
    searched = search(wanted, arguments.jobs, arguments.storage, arguments.trials)
    for row in searched.trials:
        losses = ", ".join(f"{loss:.4f}" for loss in row.losses)
        print(f"alpha {row.alpha:.2f}  temperature {row.temperature:.2f}  validation loss {losses}")
    best = searched.setting
    print(f"best: alpha {best.alpha:.2f}, temperature {best.temperature:.2f}")


def _line(result: Any) -> str:
    scores = f"accuracy {result.test.accuracy:.4f}  loss {result.test.loss:.4f}"
    return (
        f"{result.name:32} seed {result.seed}  {scores}  {result.parameters:>10,} parameters  "
        f"{result.seconds:6.1f} s  {result.precision}  {result.data_source}"
    )


def _runs(arguments: argparse.Namespace) -> None:
    from hw3.files import cache_dir, runs_dir
    from hw3.store import entries
    from hw3.studies.run import RESULT, read

    if arguments.prune:
        _prune([root for root in (runs_dir(), cache_dir()) if root.is_dir()], arguments.yes)
        return
    kept = entries(runs_dir())
    results = [read(folder) for folder, record in kept if record is not None and RESULT in record["files"]]
    if arguments.json:
        print(json.dumps([_row(result) for result in results], indent=1))
        return
    for result in results:
        print(_line(result))
    if not results:
        print(f"no finished run in {runs_dir()}", file=sys.stderr)


def _row(result: Any) -> dict[str, Any]:
    fields = ["name", "seed", "key", "data_source", "parameters", "multiplications", "seconds", "precision"]
    return {field: getattr(result, field) for field in [*fields, "best_epoch"]} | {"test": asdict(result.test)}


def _prune(roots: Iterable[Path], yes: bool) -> None:
    """Say which entries no question finds any more, and remove them if ``yes``."""
    from hw3.store import current, entries, leftovers, remove

    total = 0
    for root in roots:
        old = [folder for folder, record in entries(root) if record is None or not current(record)]
        for path in [*old, *leftovers(root)]:
            size = sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())
            total += size
            print(f"{'removed' if yes else 'would go'}: {path} ({size / 1e6:.1f} MB)")
            if yes:
                remove(path)
    print(f"{total / 1e6:.1f} MB in all" + ("" if yes or not total else "; add --yes to remove them"))


def _compare(arguments: argparse.Namespace) -> None:
    from hw3.show.comparison import compare, sentence
    from hw3.studies.experiments import experiments, matching
    from hw3.studies.parallel import run_all
    from hw3.studies.profiles import profile

    size = profile(arguments.profile)
    known = experiments(size, arguments.jobs, searching=False)
    names = [matching(name, list(known))[0] for name in (arguments.first, arguments.second)]
    if names[0] == names[1]:
        raise ValueError(f"{names[0]} is compared with itself; name two experiments")
    if any(known[name] is None for name in names):
        known = experiments(size, arguments.jobs)
    wanted = [one for name in names if (one := known[name]) is not None]
    first, second = run_all(wanted, arguments.seed or size.seeds, arguments.jobs).values()
    for a, b in zip(first, second, strict=True):
        print(f"seed {a.seed}: test accuracy {a.test.accuracy:.4f} and {b.test.accuracy:.4f}")
    targets = wanted[0].data.labels[wanted[0].split.test]
    print(sentence(compare(first, second, targets), names[0], names[1], "test accuracy"))


def _bench(arguments: argparse.Namespace) -> None:
    from hw3.bench.figures import bench

    for name, figure in bench(arguments.figure).items():
        print(f"{name:28} {figure.ratio:7.2f}  ({figure.low:.2f} to {figure.high:.2f})  {figure.unit}")


def _check(arguments: argparse.Namespace) -> int:
    from hw3.theory import check

    verdict = check(arguments.answer, arguments.formula)
    print(verdict)
    if arguments.hint and not verdict.equivalent:
        print(verdict.hint)
    return 0 if verdict.equivalent else 1


def _list(arguments: argparse.Namespace) -> None:
    if arguments.what == "answers":
        from hw3.theory import ANSWERS

        names: Iterable[str] = ANSWERS
    elif arguments.what == "profiles":
        from hw3.studies.profiles import PROFILES

        names = PROFILES
    elif arguments.what == "benches":
        from hw3.bench.figures import BENCHES

        names = BENCHES
    else:
        from hw3.studies.experiments import experiments
        from hw3.studies.profiles import profile

        names = experiments(profile(arguments.profile), searching=False)
    print("\n".join(names))


def parser() -> argparse.ArgumentParser:
    main = _Parser(prog="hw3", description=__doc__)
    main.add_argument("--version", action="version", version=f"hw3 {__version__}")
    commands = main.add_subparsers(required=True, metavar="command", parser_class=_Parser)

    data = commands.add_parser("data", help="load the images and say where they came from")
    data.add_argument("--json", action="store_true")
    data.set_defaults(call=_data)

    run = commands.add_parser("run", help="run experiments, or read their stored results")
    run.add_argument("experiment", nargs="+", help="a name or a pattern, such as shoes/mlp or 'shoes/*'")
    run.add_argument("--dry-run", action="store_true", help="print the configurations, and whether they are stored")
    run.add_argument("--devices", type=int, default=1, help="processes or GPUs on each node that share each run")
    run.add_argument("--num-nodes", type=int, default=1, help="machines that share each run (see the README)")
    run.set_defaults(call=_run)

    search = commands.add_parser("search", help="search alpha and the temperature of distillation with Optuna")
    search.add_argument("study", choices=["distillation"])
    search.add_argument("--storage", help="a database's URL, to search with several machines; by default the run store")
    search.add_argument("--trials", type=int, help="by default the settings of the profile's grid")
    search.set_defaults(call=_search)

    compare = commands.add_parser("compare", help="compare two experiments, paired by seed")
    compare.add_argument("first", help="for example shoes/cnn")
    compare.add_argument("second", help="for example shoes/mlp")
    compare.set_defaults(call=_compare)

    listing = commands.add_parser("list", help="list the names that other commands take")
    listing.add_argument("what", choices=["answers", "experiments", "profiles", "benches"])
    listing.set_defaults(call=_list)

    for command in (run, compare):
        command.add_argument(
            "--seed", type=int, action="append", help="may be repeated; by default the profile's seeds"
        )
    for command in (run, search, compare):
        command.add_argument("--jobs", type=int, help="runs at a time; by default one for each core")
    for command in (data, run, search, compare, listing):
        command.add_argument("--profile", help="smoke, brief, book or full; by default $HW3_PROFILE, then book")

    runs = commands.add_parser("runs", help="list the stored results")
    runs.add_argument("--json", action="store_true")
    runs.add_argument("--prune", action="store_true", help="say which entries of older code or versions could go")
    runs.add_argument("--yes", action="store_true", help="with --prune: remove them")
    runs.set_defaults(call=_runs)

    bench = commands.add_parser("bench", help="measure speed as ratios and write them to _build/bench.json")
    bench.add_argument("figure", nargs="*", help="by default all")
    bench.set_defaults(call=_bench)

    check = commands.add_parser("check", help="judge a formula as the answer to a theory question")
    check.add_argument("--hint", action="store_true", help="help that does not give the answer away")
    check.add_argument("answer", help="for example t3.dk1")
    check.add_argument("formula", help="for example 'alpha1*x1 + alpha2*x2 + alpha3*x3'")
    check.set_defaults(call=_check)
    return main


class _Parser(argparse.ArgumentParser):
    """Says which command was perhaps meant."""

    def error(self, message: str) -> Any:
        words, wanted = sys.argv[1:2], [name for action in self._actions for name in action.choices or ()]
        near = get_close_matches(words[0], wanted, 1) if words and "invalid choice" in message else []
        super().error(message + (f"; did you mean {near[0]}?" if near else ""))


class Stopped(BaseException):
    """A signal that ends the program."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; wrong input gives one line and status 2, a signal one line and 128 + its number."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["check"]:  # a formula may begin with a minus
        hint = [word for word in arguments[1:] if word == "--hint"]
        if not {"-h", "--help"} & set(arguments):
            arguments = ["check", *hint, "--", *(word for word in arguments[1:] if word not in ("--hint", "--"))]
    parsed = parser().parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    try:
        status = parsed.call(parsed) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, Stopped) as stopped:
        print(f"hw3: {AGAIN}", file=sys.stderr)
        return 128 + (stopped.args[0] if stopped.args else signal.SIGINT)
    except (KeyError, ValueError, OSError, RuntimeError) as error:
        print(f"hw3: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"hw3: this command needs {error.name}; pip install 'hw3[experiments]' brings it", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
