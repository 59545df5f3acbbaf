"""Is a server there? Asked with a short time limit, so that a machine without internet does not wait."""

import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from hw3.paths import cache_dir

REMEMBER_SECONDS = 600


def reachable(url: str, timeout: float = 5.0) -> bool:
    """Does the server of ``url`` answer (with anything)? Proxies of the environment are used. A server that did not
    answer is not asked again, by any process that shares the cache, for ten minutes."""
    host = urlsplit(url).hostname or url
    silent = cache_dir() / "unreachable" / host
    if silent.exists() and time.time() - silent.stat().st_mtime < REMEMBER_SECONDS:
        return False
    try:
        request = urllib.request.Request(url, method="HEAD")
        urllib.request.urlopen(request, timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        silent.parent.mkdir(parents=True, exist_ok=True)
        silent.touch()
        return False
    return True
