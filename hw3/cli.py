"""The command ``hw3``: look at the data, run experiments, list and compare runs, measure speed, check a formula."""

import argparse
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import asdict
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from hw3 import __version__

RECORDED = ("shoes", "distillation", "search")  # see hw3.studies.experiments.plan


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
    import torch

    from hw3.studies.experiments import experiments, matching
    from hw3.studies.parallel import run_all
    from hw3.studies.profiles import profile
    from hw3.studies.run import run
    from hw3.train.device import fabric, first_process

    size = profile(arguments.profile)
    seeds = list(dict.fromkeys(arguments.seed or size.seeds))
    known = experiments(size, searching=False)
    names = list(dict.fromkeys(name for pattern in arguments.experiment for name in matching(pattern, list(known))))
    if arguments.dry_run:
        print(json.dumps([_dry(name, known[name], seed) for name in names for seed in seeds], indent=1))
        return
    most = max(torch.cuda.device_count(), os.cpu_count() or 1)
    if arguments.devices > most:
        raise ValueError(f"the number of devices is {arguments.devices}; this machine has {most}")
    device = fabric(size.precision, arguments.devices, arguments.num_nodes)
    if any(known[name] is None for name in names):
        known = experiments(size, arguments.jobs)
    wanted = [one for name in names if (one := known[name]) is not None]
    if device.world_size > 1 or len(wanted) * len(seeds) == 1:  # one run at a time, over all devices
        results = [run(one, seed, device, sys.stderr.isatty() and first_process()) for one in wanted for seed in seeds]
    else:
        results = [result for group in run_all(wanted, seeds, arguments.jobs).values() for result in group]
    if first_process():
        print("\n".join(map(_line, results)))


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


def _record(arguments: argparse.Namespace) -> None:
    from hw3.studies.experiments import plan
    from hw3.studies.profiles import profile
    from hw3.studies.record import record, status

    wanted = plan(arguments.study, profile(arguments.profile))
    if not arguments.status:
        record(wanted, arguments.jobs)
        return
    states = status(wanted)
    print("\n".join(f"{experiment.name:40} seed {seed}  {state}" for experiment, seed, state in states))
    print(f"{sum(state == 'recorded' for *_, state in states)} of {len(states)} runs are recorded")


def _replay(arguments: argparse.Namespace) -> int:
    from hw3.studies.experiments import plan
    from hw3.studies.profiles import profile
    from hw3.studies.replay import find, replay, whole_run

    study = "search" if "/search/" in arguments.experiment else arguments.experiment.partition("/")[0]
    if study not in RECORDED:
        raise KeyError(f"{arguments.experiment!r} is not recorded; the records are {', '.join(RECORDED)}")
    recorded, experiment = find(plan(study, profile(arguments.profile)), arguments.experiment, arguments.seed)
    if arguments.steps:
        again = replay(recorded, experiment)
        print(f"{again.steps} steps: first loss {again.first:.2g} nats off, mean of the later {again.later:.2g}")
        return 0 if again.agrees else 1
    repeated = whole_run(recorded, experiment)
    for word, result in (("recorded:", recorded), ("again:", repeated)):
        print(f"{word:10}accuracy {result.test.accuracy:.4f}  loss {result.test.loss:.4f}  {result.capability}")
    return 0


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

    if arguments.yes and not arguments.prune:
        raise ValueError("--yes removes nothing by itself; say --prune --yes")
    if arguments.prune:
        _prune([runs_dir(), cache_dir()], arguments.yes)
        return
    results = [read(folder) for folder, record in entries(runs_dir()) if record and RESULT in record["files"]]
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
    known = experiments(size, searching=False)
    names = [name for pattern in (arguments.first, arguments.second) for name in matching(pattern, list(known))]
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError(f"two different experiments are compared, and these are {', '.join(names)}")
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

    verdict = check(arguments.answer, arguments.formula, arguments.hint)
    print(verdict)
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


def _within(least: int, end: int, text: str) -> int:
    if not text.isdecimal() or not least <= int(text[:20]) < end:
        raise argparse.ArgumentTypeError(f"it is {text}; it must be a whole number from {least} to {end - 1}")
    return int(text)


_seed, _count = partial(_within, 0, 2**40), partial(_within, 1, 2**20)


def parser() -> argparse.ArgumentParser:
    """Commands, their arguments, and the function ``call`` that each is for."""
    main = _Parser(prog="hw3", description=__doc__)
    main.add_argument("--version", action="version", version=f"hw3 {__version__}")
    commands = main.add_subparsers(required=True, metavar="command", parser_class=_Parser)

    data = commands.add_parser("data", help="load the images and say where they came from")
    data.add_argument("--json", action="store_true")
    data.set_defaults(call=_data)

    run = commands.add_parser("run", help="run experiments, or read their stored results")
    run.add_argument("experiment", nargs="+", help="a name or a pattern, such as shoes/mlp or 'shoes/*'")
    run.add_argument("--dry-run", action="store_true", help="print the configurations, and whether they are stored")
    run.add_argument("--devices", type=_count, default=1, help="processes or GPUs on each node that share each run")
    run.add_argument("--num-nodes", type=_count, default=1, help="machines that share each run (see the README)")
    run.set_defaults(call=_run)

    search = commands.add_parser("search", help="search alpha and the temperature of distillation with Optuna")
    search.add_argument("study", choices=["distillation"])
    search.add_argument("--storage", help="a database's URL, to search with several machines; by default the run store")
    search.add_argument("--trials", type=int, help="by default the settings of the profile's grid")
    search.set_defaults(call=_search)

    record = commands.add_parser("record", help="make the runs that take hours, and record what pages need of them")
    record.add_argument("study", choices=RECORDED)
    record.add_argument("--status", action="store_true", help="say what is recorded, missing or stale; train nothing")
    record.set_defaults(call=_record)

    replay = commands.add_parser("replay", help="train a recorded run again and compare")
    replay.add_argument("experiment", help="for example shoes/cnn")
    replay.add_argument("--seed", type=_seed, default=0)
    replay.add_argument("--steps", action="store_true", help="only its first steps, against their recorded losses")
    replay.set_defaults(call=_replay)

    for command in (record, replay):
        command.add_argument("--profile", default="recorded", help="its size; by default recorded")

    compare = commands.add_parser("compare", help="compare two experiments, paired by seed")
    compare.add_argument("first", help="for example shoes/cnn")
    compare.add_argument("second", help="for example shoes/mlp")
    compare.set_defaults(call=_compare)

    listing = commands.add_parser("list", help="list the names that other commands take")
    listing.add_argument("what", choices=["answers", "experiments", "profiles", "benches"])
    listing.set_defaults(call=_list)

    for command in (run, compare):
        command.add_argument("--seed", type=_seed, action="append", help="may be repeated; by default the profile's")
    for command in (run, search, compare, record):
        command.add_argument("--jobs", type=_count, help="runs at a time; by default one for each core")
    for command in (data, run, search, compare, listing):
        command.add_argument("--profile", help="see hw3 list profiles; by default $HW3_PROFILE, then book")

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
    """Says in one line what is wrong, and what was perhaps meant."""

    def error(self, message: str) -> NoReturn:
        wrong = re.search("invalid choice: '(.*?)'", message)
        choices = [name for action in self._actions for name in action.choices or ()]
        near = get_close_matches(wrong[1], choices, 1) if wrong else []
        if re.search("unrecognized arguments:.* [-+*/^] ", message):
            message += "; put a formula in quotes"
        self.exit(2, f"{self.prog}: {message}; " + (f"did you mean {near[0]}?\n" if near else f"see {self.prog} -h\n"))


def _stop(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt(number)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; wrong input gives one line and status 2, a signal one line and 128 + its number."""
    for stream in (sys.stdout, sys.stderr):  # a sign that an old terminal lacks must not lose the result
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["check"] and not {"-h", "--help"} & set(arguments):  # a formula may begin with a minus
        hint = ["--hint"] * ("--hint" in arguments)
        arguments = ["check", *hint, "--", *(word for word in arguments[1:] if word not in ("--hint", "--"))]
    parsed = parser().parse_args(arguments)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):  # Windows has no SIGHUP
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)
    try:
        status = parsed.call(parsed) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stopped:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would interrupt the tidying up
        print("hw3: stopped; the same command goes on where this one was", file=sys.stderr)
        return 128 + (stopped.args[0] if stopped.args else signal.SIGINT)
    except OSError as error:
        from hw3.files import explained

        print(f"hw3: {explained(error)}", file=sys.stderr)
        return 2
    except (KeyError, ValueError, RuntimeError) as error:
        print(f"hw3: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"hw3: this command needs {error.name}; pip install 'hw3[experiments]' brings it", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
