"""`workspace/run`: binds, starts Spark, restores the state, says that it is ready, serves until it is told to stop."""
import asyncio
import fcntl
import json
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path

from aiohttp import web

from . import (admin_api, auth, catalog_api, faults, files, history, links, options, places, running, sessions, statement_api, token_api,
               uploads, warehouse_acl, warehouses)
from .engine import Engine
from .errors import ApiError
from .world import World

MOST_BODY = 32 << 20  # 16 MiB of statement and as much of parameters
JAVA = 17
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


class StartError(Exception):
    pass


@web.middleware
async def record(request, handler):
    """Ledger and faults around everything; the workspace's own face is left alone."""
    world, began, fault, text = request.app["world"], time.monotonic(), None, None
    if request.path.startswith(admin_api.ROOT):
        if request.host.rsplit(":", 1)[0] not in LOOPBACK:  # a web page elsewhere must not reach it by a name of its own
            return web.json_response({"error_code": "PERMISSION_DENIED", "message": "Only from this machine."}, status=403)
        return await handler(request)
    reply = None
    try:
        if request.method == "POST" and request.path.rstrip("/") == warehouses.SQL + "/statements":
            try:
                text = faults.text_of(await request.read())
            except web.HTTPRequestEntityTooLarge as refused:
                reply = plain(request, refused)
                return reply
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        request["token"] = token.strip() if scheme.lower() == "bearer" else ""
        request["who"] = world.principals.of_token(request["token"]) if request["token"] else None
        fault = world.faults.call(request, text, request["who"])
        reply = await faults.before(world, request, fault) if fault else None
        if reply is None:
            reply = await handler(request)
            if fault:
                reply = await faults.afterwards(request, fault, reply)
        if not reply.prepared:
            reply.headers.setdefault("x-request-id", secrets.token_hex(16))
            reply.headers.setdefault("x-databricks-org-id", world.workspace_id)
        return reply
    finally:
        world.ledger.add(request, reply, time.monotonic() - began, text, request.get("bytes_in", request.content_length or 0), fault)


def plain(request, error: web.HTTPException) -> web.Response:
    """What the web server refuses by itself, in Databricks' form."""
    code, message = {
        404: ("ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.path}'"),
        413: ("INVALID_PARAMETER_VALUE", f"The request is larger than {MOST_BODY} bytes."),
    }.get(404 if error.status == 405 else error.status, ("BAD_REQUEST", error.reason or "Bad request"))
    return web.json_response({"error_code": code, "message": message}, status=404 if error.status == 405 else error.status)


@web.middleware
async def answer(request, handler):
    """Bearer check for the API, and every refusal in its JSON form."""
    try:
        if request.path.startswith("/api/"):
            request["who"] = auth.identify(request.app["world"], request)
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.status, headers=error.headers)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return plain(request, error)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001 the workspace stays up and says where it failed
        where = traceback.extract_tb(error.__traceback__)[-1]
        request.app["world"].log(f"{request.method} {request.path}: {error!r} at {Path(where.filename).name}:{where.lineno}")
        return web.json_response({"error_code": "INTERNAL_ERROR", "message": f"{type(error).__name__}: {error}"}, status=500)


PARTS = (auth, token_api, warehouses, warehouse_acl, sessions, statement_api, history, uploads, files, links, catalog_api, admin_api)


def make_app(world: World) -> web.Application:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a client that went away is no event
    app = web.Application(middlewares=[record, answer], client_max_size=MOST_BODY)
    app["world"] = world
    for part in PARTS:
        app.add_routes(part.routes)
    return app


def bind(port: int) -> socket.socket:
    """First of all: a taken port is said before seconds are spent on Spark."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
        s.listen(128)
    except OSError as error:
        raise StartError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port, or 0 for any free one") from None
    return s


def take_state(o: options.Options) -> tuple[Path, object]:
    """The state folder, emptied if asked, and the lock that keeps a second workspace out of it."""
    state = (o.state or Path(tempfile.mkdtemp(prefix="lakeferry-workspace-"))).resolve()
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartError(f"{state} is in use by another workspace that is running") from None
    except OSError as error:
        raise StartError(f"cannot use the state folder {state}: {error.strerror}") from None
    if o.fresh:
        for item in state.iterdir():
            if item.name != "lock":
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    shutil.rmtree(state / "tmp", ignore_errors=True)
    return state, lock


def announce(world: World, state: Path, port: int, seconds: float):
    world.host = f"127.0.0.1:{port}"
    url, who, first = f"http://{world.host}", world.principals.named("lakeferry"), next(iter(world.warehouses))
    ready = {"event": "ready", "url": url, "client_id": who.user_name, "client_secret": who.client_secret,
             "http_path": f"/sql/1.0/warehouses/{first}", "warehouse_id": first, "catalog": world.options.default_catalog,
             "seconds": round(seconds, 1)}
    admin = {"client_id": world.admin.user_name, "client_secret": world.admin.client_secret, "access_token": world.admin.access_token}
    file = state / "workspace.json"
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(ready | {"admin": admin, "access_token": who.access_token, "pid": os.getpid(), "state": str(state)}, out, indent=1)
    running.announce(state)
    print(json.dumps(ready), flush=True)


async def serve(o: options.Options, state: Path, listener: socket.socket, engine: Engine, began: float):
    world = World(o, state, engine)
    await asyncio.get_running_loop().run_in_executor(None, world.restore)
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    world.background(world.keep_time())
    announce(world, state, listener.getsockname()[1], time.monotonic() - began)
    if o.warm_up:
        world.warm_up()
    await stopping.wait()
    (state / "workspace.json").unlink(missing_ok=True)
    running.withdraw()
    await runner.cleanup()
    await world.stop()


def check_java():
    """A missing or old Java, said before anything is tried with it."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java") or "/nonexistent")
    install = f"install it, as root: apt-get install -y --no-install-recommends openjdk-{JAVA}-jdk-headless"
    if not java.exists():
        raise StartError(f"JAVA_HOME is {home}, but there is no {java}: correct it or unset it" if home else f"java is not installed; {install}")
    try:
        about = (java.resolve().parent.parent / "release").read_text()
    except OSError:
        return  # an unusual Java: Spark will tell
    version = re.search(r'JAVA_VERSION="(\d+)', about)
    if version and int(version[1]) < JAVA:
        raise StartError(f"Java {JAVA} or newer is needed, {java} is {version[1]}; {install}, or point JAVA_HOME to one")


def start_engine(o: options.Options, state: Path, jars: list) -> Engine:
    """Java's own chatter goes to a file, which is shown where it does not start: our output is one line of JSON and nothing else."""
    log, output, terminal = state / "java.log", os.dup(1), os.dup(2)
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    try:
        return Engine(state, places.home(), jars, o.memory)
    except Exception as error:  # noqa: BLE001 whatever it is, nothing runs without it
        said = log.read_text(errors="replace").strip().splitlines()[-8:]
        raise StartError("Spark did not start: " + "\n  ".join([str(error).strip() or repr(error), *said])) from None
    finally:
        os.dup2(output, 1)
        os.dup2(terminal, 2)
        os.close(output)
        os.close(terminal)


def main() -> int:
    o, began = options.parse(), time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    state, code = None, 0
    try:
        check_java()
        jars = places.jars(places.home())
        if len(jars) < 2 or not Path(jars[-1]).exists():
            raise StartError(f"{places.home()} is incomplete: run workspace/setup")
        listener = bind(o.port)
        state, lock = take_state(o)
        os.chdir(state)  # Spark leaves its traces in the working folder
        asyncio.run(serve(o, state, listener, start_engine(o, state, jars), began))
        lock.close()
    except (StartError, options.ConfigError, ValueError) as error:
        print(f"workspace/run: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        pass
    finally:
        running.withdraw()
        if state and not o.state:
            shutil.rmtree(state, ignore_errors=True)
        elif state:
            shutil.rmtree(state / "tmp", ignore_errors=True)
    sys.stdout.flush()
    os._exit(code)  # threads of the bridge to Java must not hold up the end


if __name__ == "__main__":
    main()
