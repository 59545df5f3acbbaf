"""The command ``hw3``: look at the data, run experiments, list and compare runs, measure speed, check a formula."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Any


def _data(arguments: argparse.Namespace) -> None:
    from hw3.data import load
    from hw3.data.sources import DATA_SETS
    from hw3.lab.profiles import profile
    from hw3.nets.resnet import imagenet_weights

    with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
        found = [load(name, source=profile(arguments.profile).source) for name in DATA_SETS]
        weights = imagenet_weights()
    if arguments.json:
        rows: list[dict[str, Any]] = [
            {"name": d.name, "images": len(d), "source": d.source.description, "sha256": d.digest} for d in found
        ]
        told = ("none at hand", "") if weights is None else (weights.description, weights.digest)
        print(json.dumps([*rows, {"name": "ResNet50 weights", "source": told[0], "sha256": told[1]}]))


def _run(arguments: argparse.Namespace) -> None:
    from hw3.lab.experiments import matching
    from hw3.lab.material import first_process
    from hw3.lab.parallel import run_all
    from hw3.lab.profiles import profile
    from hw3.lab.run import run

    chosen = profile(arguments.profile)
    names = [name for pattern in arguments.experiment for name in matching(pattern, chosen)]
    seeds = arguments.seed or list(chosen.seeds)
    devices, nodes = arguments.devices, arguments.num_nodes
    if min(devices, nodes) < 1:
        raise ValueError(f"--devices {devices} --num-nodes {nodes}: both must be 1 or more")
    if devices * nodes > 1 or len(names) * len(seeds) == 1:  # one run at a time, over all devices
        shown = sys.stderr.isatty()
        results = {name: [run(name, seed, chosen, shown, devices, nodes) for seed in seeds] for name in names}
    else:
        results = run_all(names, seeds, chosen.name, arguments.jobs)
    if first_process():
        for result in (one for group in results.values() for one in group):
            print(_line(result))


def _search(arguments: argparse.Namespace) -> None:
    from hw3.lab.search import search
    from hw3.lab.together import search_together

    if arguments.storage:
        study = search_together(arguments.profile, arguments.storage, arguments.trials)
    else:
        study = search(arguments.profile, trials=arguments.trials)
    for trial in study.get_trials(deepcopy=False):
        shown = ", ".join(f"{name} {value:.2f}" for name, value in trial.params.items())
        seen = f"{list(trial.intermediate_values.values())[-1]:.4f}" if trial.intermediate_values else "-"
        print(f"trial {trial.number:3}  {trial.state.name.lower():9} validation accuracy {seen}  {shown}")
    print(f"best: alpha {study.best_params['alpha']:.2f}, temperature {study.best_params['temperature']:.2f}")


def _line(result: Any) -> str:
    scores = f"accuracy {result.test.accuracy:.4f}  loss {result.test.loss:.4f}"
    return (
        f"{result.name:24} seed {result.seed}  {result.profile:5}  {scores}  "
        f"{result.parameters:>8,} parameters  {result.seconds:6.1f} s  {result.data_source}"
    )


def _runs(arguments: argparse.Namespace) -> None:
    from hw3.lab.store import all_results

    if not arguments.json:
        for result in all_results():
            print(_line(result))
        return
    with redirect_stdout(sys.stderr):
        results = list(all_results())
    fields = [
        "name",
        "seed",
        "profile",
        "key",
        "data_source",
        "parameters",
        "multiplications",
        "seconds",
        "precision",
        "best_epoch",
    ]
    print(json.dumps([{f: getattr(r, f) for f in fields} | {"test": asdict(r.test)} for r in results], indent=1))


def _compare(arguments: argparse.Namespace) -> None:
    from hw3.lab.compare import paired
    from hw3.lab.experiments import experiment
    from hw3.lab.parallel import run_all
    from hw3.lab.profiles import profile

    chosen = profile(arguments.profile)
    names = [experiment(name, chosen).name for name in (arguments.first, arguments.second)]
    if names[0] == names[1]:
        raise ValueError(f"{names[0]} is compared with itself; name two experiments")
    first, second = run_all(names, arguments.seed, chosen.name, arguments.jobs).values()
    for one, other in zip(first, second, strict=True):
        print(f"seed {one.seed}: test accuracy {one.test.accuracy:.4f} and {other.test.accuracy:.4f}")
    found = paired([r.test.accuracy for r in first], [r.test.accuracy for r in second])
    print(found.sentence(names[0], names[1], "test accuracy"))


def _bench(arguments: argparse.Namespace) -> None:
    from hw3.lab.bench import bench

    for name, figure in bench(arguments.figure).items():
        print(f"{name:28} {figure.ratio:7.2f}  ({figure.low:.2f} to {figure.high:.2f})  {figure.unit}")


def _check(arguments: argparse.Namespace) -> int:
    from hw3.theory import check

    verdict = check(arguments.answer, arguments.formula)
    print(verdict)
    return 0 if verdict.equivalent else 1


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="hw3", description=__doc__)
    commands = main.add_subparsers(required=True, metavar="command")

    data = commands.add_parser("data", help="load the images and say where they came from")
    data.add_argument("--json", action="store_true")
    data.set_defaults(call=_data)

    run = commands.add_parser("run", help="run experiments, or read their stored results")
    run.add_argument("experiment", nargs="+", help="a name or a pattern, such as shoes/mlp or 'shoes/*'")
    run.add_argument("--seed", type=int, action="append", help="may be repeated; by default the profile's seeds")
    run.add_argument("--jobs", type=int, help="runs at a time; by default one for each core")
    run.add_argument("--devices", type=int, default=1, help="processes or GPUs on each node that share each run")
    run.add_argument("--num-nodes", type=int, default=1, help="machines that share each run (see the README)")
    run.set_defaults(call=_run)

    search = commands.add_parser("search", help="search alpha and the temperature of distillation with Optuna")
    search.add_argument("study", choices=["distillation"])
    search.add_argument("--storage", help="a database's URL, to search with several machines; by default a file")
    search.add_argument("--trials", type=int, help="by default the profile's number")
    search.set_defaults(call=_search)

    compare = commands.add_parser("compare", help="compare two experiments, paired by seed")
    compare.add_argument("first", help="for example shoes/cnn")
    compare.add_argument("second", help="for example shoes/mlp")
    compare.add_argument("--seed", type=int, action="append", help="may be repeated; by default the profile's seeds")
    compare.add_argument("--jobs", type=int, help="runs at a time; by default one for each core")
    compare.set_defaults(call=_compare)

    for command in (data, run, search, compare):
        command.add_argument("--profile", help="smoke, book or full; by default $HW3_PROFILE, then book")

    runs = commands.add_parser("runs", help="list the stored results")
    runs.add_argument("--json", action="store_true")
    runs.set_defaults(call=_runs)

    bench = commands.add_parser("bench", help="measure speed as ratios and write them to _build/bench.json")
    bench.add_argument("figure", nargs="*", help="by default all")
    bench.set_defaults(call=_bench)

    check = commands.add_parser("check", help="judge a formula as the answer to a theory question")
    check.add_argument("answer", help="for example t3.dk1")
    check.add_argument("formula", help="for example 'alpha1*x1 + alpha2*x2 + alpha3*x3'")
    check.set_defaults(call=_check)
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run the command; wrong input gives one line and status 2, not a traceback."""
    parsed = parser().parse_args(arguments)
    try:
        return parsed.call(parsed) or 0
    except (KeyError, ValueError, OSError, RuntimeError) as error:
        print(f"hw3: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
