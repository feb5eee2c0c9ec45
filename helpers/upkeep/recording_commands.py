"""The commands that remake what is recorded, for ``python -m helpers``: each imports its work when it is called."""

import argparse
from collections.abc import Callable


def add_to(add: Callable[..., argparse.ArgumentParser]) -> None:
    """What remakes the recorded runs; `add` makes a command of its name, function and words."""
    command = add("study", _study, "train with many seeds what is not recorded yet, and document how far the results differ")
    command.add_argument("--seeds", type=int, default=20, metavar="N", help="default: 20, about two minutes each")
    command.add_argument("--ways", nargs="+", metavar="WAY", help="default: all but two_rates, one_fast, untrained")
    add("real-run", _histories, "train the recorded run on all the digits anew")
    add("histories", _histories, "run the recorded histories of lesson 07 again and write them anew")
    command = add("race", _race, "race all strategies anew and write the recorded race of lesson 10")
    command.add_argument("--seeds", type=int, default=5, metavar="N", help="default: 5, about four minutes of one core each")
    command.add_argument("--only", nargs="+", default=(), metavar="KEY", help="only these; keep what is recorded of the rest")
    command.add_argument(
        "--solar-cells", action="store_true", help="instead: five ways on solar cells (pip install elpv-dataset)"
    )
    command.add_argument("--dials", action="store_true", help="instead: augmentation, weight decay, a schedule")
    command = add("lora", _lora, "train lesson 12's LoRA and the last two stages anew, and put the table into its page")
    command.add_argument("--seeds", type=int, default=5, metavar="N", help="default: 5, about two minutes of one core each")


def _study(chosen: argparse.Namespace) -> None:
    from helpers.upkeep import recorded_tables, seed_tables, seeds

    found = seeds.main(chosen.seeds, chosen.ways or seeds.STUDIED)
    print(*(table(found.runs) for table in seed_tables.TABLES.values()), sep="\n\n")
    recorded_tables.write()


def _histories(chosen: argparse.Namespace) -> None:
    from helpers.training import real_run, recordings

    (real_run if chosen.command == "real-run" else recordings).main()


def _race(chosen: argparse.Namespace) -> None:
    from helpers.training import dials, race, solar_cells
    from helpers.upkeep import recorded_tables

    if chosen.solar_cells:
        solar_cells.main(chosen.seeds)
    elif chosen.dials:
        dials.main(chosen.seeds)
    else:
        race.main(chosen.seeds, chosen.only)
    recorded_tables.write()


def _lora(chosen: argparse.Namespace) -> None:
    from helpers.upkeep import lora, recorded_tables

    lora.main(chosen.seeds)
    recorded_tables.write()
