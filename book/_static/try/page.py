"""What a page asks of Python: judge a formula."""

from hw3.theory import RefusedError, check


def judge(answer: str, formula: str, hint: bool) -> tuple[bool, str]:
    """Is ``formula`` right, and what is to be said of it?"""
    try:
        verdict = check(answer, formula, hint)
    except RefusedError as error:
        return False, f"Not read: {error}"
    return verdict.equivalent, str(verdict)
