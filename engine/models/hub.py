"""The Hugging Face Hub, by its own client: what is in a repository, and its files, resumed where they were cut off.

The client keeps nothing of a download when its process ends on the way, so a file is fetched by its `http_get` into a
place of ours that stays. Of its settings HF_HOME (cache and token), HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE
count: what other programs have put into its cache is taken from there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from engine import NAME
from engine.errors import BackendError, EngineError, OutputError
from engine.models.manifest import Model, fits, is_inside

_CHARS = 200


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as the hub has it. sha256, git_id: one is empty; which one the hub knows depends on the file's size."""

    name: str
    size: int
    sha256: str = ""
    git_id: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A model's files at one commit."""

    revision: str
    files: tuple[Remote, ...]


class Hub:
    """One connection. BackendError: its client is not installed."""

    def __init__(self) -> None:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # it is read when the client is imported
        try:
            import huggingface_hub
            from huggingface_hub import constants, errors, file_download, utils
        except ImportError as error:
            raise BackendError(
                f"models are pulled with huggingface_hub: {error}", f'pip install "{NAME}[models]"'
            ) from error
        # Not all of it is typed, nor the same in every version.
        self._hub: Any = huggingface_hub
        self._errors, self._download, self._utils = errors, file_download, cast(Any, utils)
        self._utils.logging.set_verbosity_error()
        self.offline = bool(constants.HF_HUB_OFFLINE)

    def listing(self, model: Model, revision: str) -> Listing:
        """What there is of a model at a commit or a branch. BackendError."""
        with self._told(model):
            info = self._hub.HfApi().model_info(model.repo, revision=revision, files_metadata=True)
        found = tuple(
            Remote(
                one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else "", "" if one.lfs else one.blob_id or ""
            )
            for one in info.siblings or []
            if model.wants(one.rfilename)
        )
        for one in found:
            if not is_inside(one.name):
                what = f"{model.name}: {model.repo} has a file called {one.name!r}, which would lie outside of it"
                raise BackendError(what, f"do not use it, and tell its makers: {model.page}")
        for wanted in model.files:
            if not any(fits(one.name, wanted) for one in found):
                what = f"{model.repo} at {info.sha} has no {wanted}"
                raise BackendError(f"{model.name}: {what}", f"see {model.page}: the repository has changed")
        return Listing(str(info.sha), found)

    def cached(self, model: Model, file: str, revision: str) -> Path | None:
        """A file in the client's own cache, put there by any program."""
        found = self._hub.try_to_load_from_cache(model.repo, file, revision=revision)
        return Path(found) if isinstance(found, str) else None

    def cached_revision(self, model: Model, file: str, revision: str) -> str:
        """The commit that a branch is at in that cache, by one of its files; empty: it has none."""
        found = self.cached(model, file, revision)
        match = re.search(r"/snapshots/([0-9a-f]{40})/", str(found))
        return match[1] if match else ""

    def fetch(self, model: Model, file: Remote, revision: str, part: Path) -> None:
        """Download a file into `part`, from where that ends. BackendError; OutputError: no room."""
        with self._told(model), part.open("ab") as out:
            url = self._hub.hf_hub_url(model.repo, file.name, revision=revision)
            self._download.http_get(
                url,
                out,
                resume_size=out.tell(),
                headers=self._utils.build_hf_headers(library_name=NAME),
                expected_size=file.size,
                displayed_filename=file.name,
            )

    @contextlib.contextmanager
    def _told(self, model: Model) -> Iterator[None]:
        """Say what the client says, in one line."""
        known = self._errors
        try:
            yield
        except EngineError:
            raise
        except known.GatedRepoError as error:
            remedy = f"accept the terms at {model.page}, then `hf auth login`, or set HF_TOKEN"
            raise BackendError(
                f"{model.name}: {model.repo} is gated: who has accepted its terms gets it", remedy
            ) from error
        except known.RepositoryNotFoundError as error:
            raise self._kept(model) from error
        except known.RevisionNotFoundError as error:
            what = f"{model.name}: {model.repo} has no revision {model.revision or model.branch}"
            raise BackendError(what, "engine models pull --update takes the newest") from error
        except known.EntryNotFoundError as error:
            raise BackendError(f"{model.name}: {model.repo}: a file is not there", f"see {model.page}") from error
        except known.HfHubHTTPError as error:
            code = error.response.status_code
            if code in (401, 403, 404):
                raise self._kept(model) from error
            raise BackendError(f"{model.name}: the hub answers with status {code}", "pull again later") from error
        except Exception as error:  # the client's HTTP library changes with its version, and so do its exceptions
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
                raise OutputError(
                    f"{model.name}: {error.strerror}", "make room; what came is kept, pull again"
                ) from error
            said = f"{type(error).__name__}: {error}".splitlines()[0][:_CHARS]
            remedy = "what came is kept: pull again to go on from there"
            raise BackendError(f"{model.name}: the download broke off: {said}", remedy) from error

    @staticmethod
    def _kept(model: Model) -> BackendError:
        what = f"{model.name}: the hub has no {model.repo}, or keeps it from you"
        return BackendError(
            what, f"see whether {model.page} is there; for a private one: `hf auth login`, or set HF_TOKEN"
        )
