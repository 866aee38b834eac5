"""What a hub lists and serves, through huggingface_hub; whatever goes wrong there as a sentence."""

import logging
import os
import re
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import logging as hub_logging
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils.tqdm import disable_progress_bars

from jobs.fetch.part import Part

TIMEOUT_S = 20.0
# The transport's root error: httpx or httpx2, whichever this huggingface_hub is made with.
HTTP_ERROR = cast(type[Exception], HfHubHTTPError.__mro__[1])
FAILURES = (HTTP_ERROR, OSError, ValueError, EntryNotFoundError, HFValidationError)
UNREACHABLE = frozenset({"ConnectError", "ConnectTimeout", "ProxyError"})
_SECRET = re.compile(r"hf_\w{4,}|(?<=://)[^/\s@]+@|\?\S+")


@dataclass(frozen=True)
class Problem:
    """Why something was not got, and what to do about it."""

    what: str
    next_step: str
    reaches: str = "file"
    """What else it stands in the way of: nothing (`file`), the rest of the `repository`, everything (`hub`)."""
    passing: bool = False
    """Whether asking again at once may help."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub lists it."""

    path: str
    size: int
    digest: str
    """`sha256:` of the content or `git:` and its blob id, as the hub keeps it."""


@dataclass(frozen=True)
class Listing:
    """All files of a repository at one commit."""

    revision: str
    files: tuple[RemoteFile, ...]


@dataclass
class Hub:
    """One hub; each repository is listed once."""

    endpoint: str
    token: str | None = field(repr=False)
    _listed: dict[str, Listing | Problem] = field(default_factory=dict)
    _down: Problem | None = None

    def listing(self, repo: str) -> Listing | Problem:
        """Files of the data set's main branch, or why there are none."""
        if self._down is not None:
            return self._down
        if repo not in self._listed:
            self._listed[repo] = found = self._list(repo)
            if isinstance(found, Problem) and found.reaches == "hub":
                self._down = found
        return self._listed[repo]

    def _list(self, repo: str) -> Listing | Problem:
        api = HfApi(endpoint=self.endpoint, token=self.token or False)
        try:
            revision = api.dataset_info(repo, timeout=TIMEOUT_S).sha or "main"
            tree = api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
            files = [_remote(entry) for entry in tree if isinstance(entry, RepoFile)]
        except FAILURES as error:
            return problem_of(error, repo, self)
        return Listing(revision, tuple(sorted(files, key=lambda file: file.path)))

    def download(self, repo: str, revision: str, remote: RemoteFile, part: Part) -> None:
        """Appends to a part what it lacks; cut connections are taken up again, other failures raise."""
        url = hf_hub_url(repo, remote.path, repo_type="dataset", revision=revision, endpoint=self.endpoint)
        http_get(
            url,
            cast(BinaryIO, part),
            resume_size=part.tell(),
            headers=build_hf_headers(token=self.token or False),
            expected_size=remote.size,
            displayed_filename=remote.path,
        )


def open_hub() -> Hub:
    """The hub of HF_ENDPOINT with the token of HF_TOKEN; files with tokens are not looked for."""
    disable_progress_bars()
    hub_logging.set_verbosity(logging.ERROR)
    token = os.environ.get("HF_TOKEN", "").strip() or os.environ.get("HUGGING_FACE_HUB_TOKEN", "").strip()
    return Hub(os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co", token or None)


def _remote(entry: RepoFile) -> RemoteFile:
    if entry.lfs is not None:
        return RemoteFile(entry.path, int(entry.lfs.size), f"sha256:{entry.lfs.sha256}")
    return RemoteFile(entry.path, int(entry.size), f"git:{entry.blob_id}")


def problem_of(error: Exception, repo: str, hub: Hub) -> Problem:
    """What an error of the hub or on the way to it means for a user."""
    page = f"{hub.endpoint}/datasets/{repo}"
    named = _named(error, page, hub.token is not None)
    if named is not None:
        return named
    if isinstance(error, HfHubHTTPError):
        return _status(error.response.status_code, page, hub.token is not None)
    if isinstance(error, OfflineModeIsEnabled):
        return Problem("HF_HUB_OFFLINE forbids asking the hub", "unset HF_HUB_OFFLINE and run again", "hub")
    if isinstance(error, HFValidationError):
        return Problem(f"{repo!r} is no repository id", "correct hub_id in the catalogue", "repository")
    if isinstance(error, HTTP_ERROR):
        what = f"no answer from {hub.endpoint}: {_plain(error)}"
        step = "check the network or proxy, set HF_ENDPOINT to a mirror that is reachable, and run again"
        return Problem(what, step, "hub" if type(error).__name__ in UNREACHABLE else "file", passing=True)
    torn = isinstance(error, OSError) and error.errno is None
    return Problem(_plain(error), "run again" if torn else "make it possible, then run again", passing=torn)


def _named(error: Exception, page: str, has_token: bool) -> Problem | None:
    if isinstance(error, GatedRepoError):
        step = f"accept the publisher's terms at {page}, set HF_TOKEN to a token of that account, and run again"
        return Problem("gated: its publisher wants terms to be accepted", step, "repository")
    if isinstance(error, RepositoryNotFoundError):
        step = f"look at {page}" + ("" if has_token else "; if it is private or gated, set HF_TOKEN")
        return Problem("the hub knows no such data set, or shows it only to some", step, "repository")
    if isinstance(error, DisabledRepoError):
        return Problem("the hub has disabled this repository", f"look at {page}", "repository")
    if isinstance(error, RevisionNotFoundError):
        return Problem("the commit is gone from the hub", "run again, which lists it anew", "repository")
    if isinstance(error, EntryNotFoundError):
        return Problem("listed, but not served", f"look at {page}, and run again")
    return None


def _status(status: int, page: str, has_token: bool) -> Problem:
    if status == 401 and not has_token:
        step = f"look at {page}; if it is private or gated, set HF_TOKEN"
        return Problem("the hub knows no such data set, or shows it only to some (401)", step, "repository")
    if status == 401:
        return Problem("the hub does not accept HF_TOKEN (401)", "make a new token, or unset HF_TOKEN", "repository")
    if status == 403:
        step = f"accept the terms at {page} and set HF_TOKEN to a token that may read it"
        return Problem("the hub refuses access (403)", step, "repository")
    if status == 429:
        step = "wait some minutes and run again; HF_TOKEN raises the limit"
        return Problem("too many requests for the hub (429)", step, "repository", passing=True)
    if status >= 500:
        return Problem(f"the hub failed ({status})", "run again later", passing=True)
    return Problem(f"the hub answers {status}", f"look at {page}")


def _plain(error: Exception) -> str:
    text = str(error).strip()
    return _SECRET.sub("...", text.splitlines()[0] if text else type(error).__name__)[:300]
