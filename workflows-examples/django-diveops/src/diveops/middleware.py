from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation

from diveops import health

GetResponse = Callable[[HttpRequest], HttpResponse]


class ReleaseMiddleware:
    """Tells with each answer which release gave it."""

    def __init__(self, get_response: GetResponse):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["X-Release"] = settings.RELEASE
        return response


class HealthMiddleware:
    """Answers /health/ for any host and over HTTP: 200 when this process can serve, else 503."""

    def __init__(self, get_response: GetResponse):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/health/":
            return self.get_response(request)
        checks = health.check()
        healthy = all(checks.values())
        body = {
            "status": "ok" if healthy else "unavailable",
            "release": settings.RELEASE,
            "checks": {name: "ok" if works else "unavailable" for name, works in checks.items()},
        }
        return JsonResponse(
            body, status=200 if healthy else 503, headers={"Cache-Control": "no-store"}
        )


class DomainLanguageMiddleware:
    """Speaks the language of the domain that was asked, whatever the browser prefers."""

    def __init__(self, get_response: GetResponse):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        domain = request.get_host().partition(":")[0].lower().removeprefix("www.")
        language = settings.DOMAIN_LANGUAGES.get(domain, settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response
