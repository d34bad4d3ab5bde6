"""What collecting costs, before the first file is fetched: requests, hours and gigabytes, at a polite pace."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import FILES
from i2v_lib.collect.booru.sites import Access, connect, site_class

PAGE = 200  # rows a request
BYTES = {"720x720": 60_000, "sample": 150_000, "original": 932_000}  # of a mean file; the middle one is a guess
MANY = 50_000  # files; for more, an archive costs the site nothing


@dataclass(frozen=True)
class Estimate:
    """The cost of one collecting.

    Attributes
    ----------
    files : illustrations to fetch
    rows : posts to list for them, at most
    variant : which file of a post
    files_per_second, api_per_second : the pace
    mean_bytes : of one file
    counted : posts that the site says the query finds; None where it does not say
    share : of the listed posts, those that the policy accepts, 0 to 1
    """

    files: int
    rows: int
    variant: str
    files_per_second: float
    api_per_second: float
    mean_bytes: float
    counted: int | None
    share: float

    @property
    def requests(self) -> int:
        """Requests for rows."""
        return math.ceil(self.rows / PAGE)

    @property
    def listing_hours(self) -> float:
        """Time that the requests for rows take."""
        return self.requests / self.api_per_second / 3600

    @property
    def file_hours(self) -> float:
        """Time that the files take."""
        return self.files / self.files_per_second / 3600

    @property
    def hours(self) -> float:
        """Time of the whole: rows and files take turns."""
        return self.listing_hours + self.file_hours

    @property
    def gigabytes(self) -> float:
        """Size of the files, in 10^9 bytes."""
        return self.files * self.mean_bytes / 1e9

    def __str__(self) -> str:
        counted = "an unknown number of" if self.counted is None else f"{self.counted:,}"
        lines = [
            f"about {self.files:,} illustrations; the site counts {counted} posts, {self.share:.0%} of a page pass",
            f"rows   {self.requests:>9,} requests  {_time(self.listing_hours):>12} at {self.api_per_second:g} a second",
            f"files  {self.files:>9,} requests  {_time(self.file_hours):>12} at {self.files_per_second:g} a second",
            f"size   {self.gigabytes:>9,.{0 if self.gigabytes >= 10 else 2}f} GB as {self.variant}",
        ]
        if self.files > MANY:
            lines.append(f"more than {MANY:,}: please take a bulk archive instead, see `python -m i2v_lib import-bulk`")
        return "\n".join(lines)


def estimate(
    posts: int,
    files_per_second: float = 1.0,
    variant: str = "720x720",
    *,
    share: float = 1.0,
    limit: int | None = None,
    api_per_second: float = 1.0,
    mean_bytes: float | None = None,
) -> Estimate:
    """Say what it costs to collect from so many posts. Asks nobody.

    Parameters
    ----------
    posts : that the query finds
    files_per_second, api_per_second : the pace
    variant : "720x720", "sample" or "original"
    share : of the posts, those that the policy accepts, 0 to 1
    limit : illustrations at most; None: all
    mean_bytes : of one file; None: what is usual for the variant

    Raises
    ------
    ValueError
        If an argument makes no sense.
    """
    if variant not in FILES:
        raise ValueError(f"variant={variant!r} is unknown; use one of {', '.join(FILES)}")
    if posts < 0 or not 0 < share <= 1 or min(files_per_second, api_per_second) <= 0:
        raise ValueError(
            f"posts={posts}, share={share}, files_per_second={files_per_second}, api_per_second={api_per_second}: "
            "give 0 or more posts, a share above 0 up to 1, and paces above 0"
        )
    files = round(posts * share)
    files = files if limit is None else min(files, limit)
    rows = min(posts, math.ceil(files / share))
    mean_bytes = BYTES[variant] if mean_bytes is None else mean_bytes
    return Estimate(files, rows, variant, files_per_second, api_per_second, mean_bytes, posts, share)


def dry_run(
    source: str,
    *,
    query: str = "",
    limit: int,
    policy: Policy | None = None,
    variant: str = "720x720",
    access: Access | None = None,
) -> Estimate:
    """Say what :func:`~i2v_lib.collect.booru.collect.collect` will cost. Two requests: a count, and a page.

    The share that the policy accepts, and for originals the mean size, are those of the newest page. Where the
    site cannot count, the limit is taken for the number of illustrations. Parameters are those of ``collect``.

    Raises
    ------
    StopCollecting, WebError
        If the site cannot be asked.
    ValueError
        If an argument is wrong.
    """
    kind, policy, access = site_class(source), policy or Policy(), access or Access()
    if kind.needs_types:  # its rows give no categories, and nobody asks for them now
        policy = replace(policy, minimum_general=0)
    with connect(source, replace(access, ask_types=False), query=query, ratings=policy.ratings) as site:
        counted, page = site.count(), site.page(None)
    fits = [post for post in page.posts if exclude(post, policy) is None]
    share = max(len(fits), 1) / max(len(page.posts) + len(page.bad_rows), 1)
    sizes = [post.file_size for post in fits if post.file_size and variant == "original"]
    cost = estimate(
        math.ceil(limit / share) if counted is None else counted,
        min(access.per_second, access.api_per_second) if kind.shares_host() else access.per_second,
        variant,
        share=share,
        limit=limit,
        api_per_second=access.api_per_second,
        mean_bytes=sum(sizes) / len(sizes) if sizes else None,
    )
    return replace(cost, counted=counted)


def _time(hours: float) -> str:
    for size, unit in ((24, "days"), (1, "hours"), (1 / 60, "minutes")):
        if hours >= size:
            return f"{hours / size:.1f} {unit}"
    return f"{hours * 3600:.0f} seconds"
