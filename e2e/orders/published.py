#!/usr/bin/env python3
"""Compares the orders in this directory with the published builders that they stand for.

published.py list                       the names of all orders as JSON, for a workflow
published.py app NAME DIRECTORY         writes the app of an order, and prints the variables of its build
published.py compare NAME DIRECTORY     reads the configuration of its image (docker image inspect) and compares types,
                                        commands and default
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).parent


def read(name):
    publisher, order = name.split("/")
    data = tomllib.loads((HERE / f"{publisher}.toml").read_text())
    return data["buildpacks"], next(one for one in data["orders"] if one["name"] == order)


def words(value):
    return [value] if isinstance(value, str) else list(value or [])


def expected(buildpacks, order, app):
    """The processes of the buildpacks that take part, the later ones in place of the earlier."""

    def shell(script, *arguments):
        done = subprocess.run(["sh", "-c", script, "sh", *arguments], cwd=app, capture_output=True, text=True)
        return done.returncode == 0, done.stdout.strip()

    by_id = {one["id"]: one for one in buildpacks}
    processes = {}
    for name in order["buildpacks"]:
        buildpack = by_id[name.removesuffix("?")]
        if not shell(buildpack.get("detect", ""))[0]:
            continue
        value = shell(buildpack.get("value", ""))[1]
        listed = buildpack.get("processes", [])
        if "launch.toml" in buildpack.get("build", "") and not listed:
            with tempfile.TemporaryDirectory() as layers:
                shell(buildpack["build"], layers)
                listed = tomllib.loads(pathlib.Path(layers, "launch.toml").read_text())["processes"]
        for process in listed:
            command = words(process["command"]) + process.get("args", [])
            processes[process["type"]] = [word.replace("@value@", value) for word in command]
    # Ours is in its place.
    processes.pop("reload", None)
    return processes, order["appended"]["default"]


def found(config):
    metadata = json.loads(config["Labels"]["io.buildpacks.build.metadata"])
    processes = {
        process["type"]: words(process["command"]) + (process.get("args") or [])
        for process in metadata["processes"]
        if process["type"] != "reload"
    }
    return processes, config["Entrypoint"][0].removeprefix("/cnb/process/")


def main(task, name="", directory="."):
    if task == "list":
        names = []
        for file in sorted(HERE.glob("*.toml")):
            names += [f"{file.stem}/{one['name']}" for one in tomllib.loads(file.read_text())["orders"]]
        print(json.dumps(names))
        return
    buildpacks, order = read(name)
    app = pathlib.Path(directory)
    if task == "app":
        if example := order.get("example"):
            shutil.copytree(HERE.parents[1] / "examples" / example, app, dirs_exist_ok=True)
            order["app"] = {}
        for path, text in (order["app"] | order.get("published", {})).items():
            (app / path).parent.mkdir(parents=True, exist_ok=True)
            (app / path).write_text(text)
        for variable, value in order.get("env", {}).items():
            print(f"{variable}={value}")
        return
    wanted, seen = expected(buildpacks, order, app), found(json.load(sys.stdin)[0]["Config"])
    if wanted != seen:
        sys.exit(f"{name}: the published builder differs from e2e/orders:\n{seen}\ninstead of\n{wanted}")


main(*sys.argv[1:])
