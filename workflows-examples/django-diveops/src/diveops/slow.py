import time

from django.http import HttpRequest, HttpResponse

LONGEST_S = 5.0


def slow(request: HttpRequest) -> HttpResponse:
    """Answers after ?seconds=, for tests that need requests in flight."""
    try:
        seconds = float(request.GET.get("seconds", "1"))
    except ValueError:
        return HttpResponse("seconds: expected a number\n", status=400)
    seconds = min(max(seconds, 0.0), LONGEST_S)
    time.sleep(seconds)
    return HttpResponse(f"slept {seconds:g} s\n", content_type="text/plain")
