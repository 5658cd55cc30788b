"""How gunicorn serves the portal; the environment overrides what machines differ in."""

import os

bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
wsgi_app = "portal.wsgi"
# Threads, since a sync worker is held up by one idle connection.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Workers are renewed now and then, not all at once.
max_requests = 20_000
max_requests_jitter = 2_000
keepalive = 5
timeout = 30
graceful_timeout = 20
# Two instances of one user would take over each other's control socket.
control_socket_disable = True
# Bounds on what a request line and its headers may hold.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# Nobody but the configured proxies may say what scheme or path a request had.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "")
forwarder_headers = ""
# Addresses of guest links are secrets: requests are logged by the proxy in front, if anywhere.
accesslog = None
errorlog = "-"
loglevel = os.environ.get("GUNICORN_LOG_LEVEL", "warning")
