import os

bind = "0.0.0.0:8000"
workers = int(os.environ.get("WEB_CONCURRENCY") or 4)
threads = 2
worker_class = "gthread"

# Imported once and shared by the workers: ready sooner, and in less memory.
preload_app = True
# Their signs of life, kept off the disk.
worker_tmp_dir = "/dev/shm"  # noqa: S108

timeout = 60
# Requests in flight get this long to finish; the compose files' stop_grace_period is longer.
graceful_timeout = 30

# Nobody commands it but the engine, by signals.
control_socket_disable = True
