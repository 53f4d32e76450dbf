from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

from diveops import slow

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("bookings.urls")),
]
if settings.TEST_ENDPOINTS:
    urlpatterns.append(path("slow/", slow.slow))
# Only while DEBUG is on; in production nginx serves them.
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
