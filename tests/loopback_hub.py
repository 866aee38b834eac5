"""A hub on loopback: the endpoints that huggingface_hub asks, over files in memory, with the faults of a bad day."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 2
"""Entries a page of a listing: small, so that every listing has several."""
LFS_BYTES = 1000
"""Files from this size on are served with a sha256, smaller ones with a git blob id."""


@dataclass
class Hub:
    """Data sets by id, and what goes wrong with them."""

    repos: dict[str, dict[str, bytes]]
    gated: set[str] = field(default_factory=set)
    """Listed for everybody, served to holders of `token` alone."""
    private: set[str] = field(default_factory=set)
    """401 for everything, as the hub answers for what does not exist too."""
    token: str = "hf_right"
    faults: dict[str, list[str]] = field(default_factory=dict)
    """By path of a file, or `tree`: each request takes the next: a status, `cut`, `short`, `long` or `garbage`."""
    asked: Counter[str] = field(default_factory=Counter)
    """Downloads by path."""
    ranges: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    headers: list[str] = field(default_factory=list)
    url: str = ""

    def sha(self, repo: str) -> str:
        """Commit of a repository: changes with its files."""
        return hashlib.sha1(repr(sorted(self.repos[repo].items())).encode(), usedforsecurity=False).hexdigest()


def blob_id(data: bytes) -> str:
    """What git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def entry(path: str, data: bytes) -> dict[str, Any]:
    """A file of a listing."""
    listed: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_id(data)}
    if len(data) >= LFS_BYTES:
        listed["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return listed


def folder(files: dict[str, bytes], path: str, recursive: bool) -> list[dict[str, Any]]:
    """Entries below a folder."""
    prefix = f"{path}/" if path else ""
    below = {name: data for name, data in files.items() if name.startswith(prefix)}
    found = {name: entry(name, data) for name, data in below.items() if recursive or "/" not in name[len(prefix) :]}
    for name in below:
        parts = name[len(prefix) :].split("/")[:-1]
        for depth in range(1, len(parts) + 1 if recursive else min(len(parts), 1) + 1):
            there = prefix + "/".join(parts[:depth])
            found[there] = {"type": "directory", "path": there, "oid": blob_id(there.encode()), "size": 0}
    return [found[name] for name in sorted(found)]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        repo = "/".join(self.path.split("/")[3:5])
        paths = set(form.get("paths", []))
        known = [e for e in folder(self.hub.repos.get(repo, {}), "", recursive=True) if e["path"] in paths]
        self.send(200, known)

    def answer(self, body: bool) -> None:
        parts = urlsplit(self.path)
        self.hub.headers.append(str(self.headers))
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        api = steps[0] == "api"
        steps = steps[2:] if api else steps[1:]
        repo, verb = "/".join(steps[:2]), steps[2] if len(steps) > 2 else "revision"
        if self.refuses(repo, verb):
            return
        files = self.hub.repos[repo]
        if api and verb == "tree":
            self.tree(files, "/".join(steps[4:]), parse_qs(parts.query))
        elif api:
            self.send(200, {"id": repo, "sha": self.hub.sha(repo), "private": False, "downloads": 0, "tags": []})
        else:
            self.resolve(repo, "/".join(steps[4:]), body)

    def refuses(self, repo: str, verb: str) -> bool:
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if bearer and bearer != self.hub.token:
            return self.fail(401, "", "Invalid credentials in Authorization header")
        if repo not in self.hub.repos or (repo in self.hub.private and not bearer):
            return self.fail(404 if bearer else 401, "RepoNotFound", "no such repository")
        if verb == "resolve" and repo in self.hub.gated and not bearer:
            return self.fail(403, "GatedRepo", "Access to dataset is restricted")
        return False

    def fail(self, status: int, code: str = "", message: str = "") -> bool:
        self.send(status, {"error": message}, {"X-Error-Code": code, "X-Error-Message": message})
        return True

    def tree(self, files: dict[str, bytes], path: str, query: dict[str, list[str]]) -> None:
        if fault := self.fault("tree"):
            self.fail(int(fault))
            return
        found = folder(files, path, recursive=query.get("recursive") == ["True"] or query.get("recursive") == ["true"])
        at = int(query.get("cursor", ["0"])[0])
        more = {}
        if at + PAGE < len(found):
            link = f"{self.hub.url}{urlsplit(self.path).path}?recursive={query.get('recursive', ['False'])[0]}"
            more = {"Link": f'<{link}&cursor={at + PAGE}>; rel="next"'}
        self.send(200, found[at : at + PAGE], more)

    def fault(self, name: str) -> str:
        waiting = self.hub.faults.get(name)
        return waiting.pop(0) if waiting else ""

    def resolve(self, repo: str, path: str, body: bool) -> None:
        data = self.hub.repos[repo].get(path)
        if data is None:
            self.fail(404, "EntryNotFound", "Entry not found")
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        end = (self.headers.get("Range") or "-").split("-")[1]
        part = data[start : int(end) + 1 if end else None]
        fault = self.fault(path) if body else ""
        if body:
            self.hub.asked[path] += 1
        if self.headers.get("Range"):
            self.hub.ranges.append((path, self.headers["Range"]))
        if fault.isdigit():
            self.fail(int(fault))
            return
        part = {"short": part[:-1], "garbage": b"?" * len(part), "long": part * 2}.get(fault, part)
        self.send_response(206 if self.headers.get("Range") else 200)
        self.head(repo, path, data)
        if self.headers.get("Range"):
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if not body:
            return
        self.hub.sent += len(part)
        self.wfile.write(part[: len(part) // 2] if fault == "cut" else part)
        self.close_connection = fault == "cut"

    def head(self, repo: str, path: str, data: bytes) -> None:
        facts = entry(path, data)
        self.send_header("X-Repo-Commit", self.hub.sha(repo))
        self.send_header("ETag", f'"{facts.get("lfs", facts)["oid"]}"')
        if "lfs" in facts:
            self.send_header("X-Linked-Etag", f'"{facts["lfs"]["oid"]}"')
            self.send_header("X-Linked-Size", str(len(data)))

    def send(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            if text:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """The hub, listening until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
