"""The programs that are known by their User-Agent: health checks, monitors, bots and scanners. None of them wakes an app.

Data only; `visitor_kind` reads it. To add a program, add a part of its User-Agent in lower case: a request is that
program's if its User-Agent contains the part. Choose a part that no browser sends: a bare "bot", for one, is also in the
User-Agent of phones made by Cubot.
"""

from typing import Final

# They may be answered 200 while the app sleeps, see the setting `health-check-response`.
HEALTH_CHECKS: Final = (
    # clusters and load balancers
    "kube-probe/", "elb-healthchecker", "googlehc", "amazon-route53-health-check", "envoy/hc", "haproxy",
    "consul health check", "traefik/",
    # monitors
    "uptimerobot", "uptime-kuma", "pingdom", "blackbox exporter", "blackbox-exporter", "prometheus/", "statuscake",
    "site24x7", "better uptime", "betterstack", "datadog", "newrelicpinger", "checkly", "freshping", "hetrixtools",
    "nagios", "check_http", "zabbix", "updown.io", "cloudflare-healthchecks",
)  # fmt: skip

# They are always answered 503 while the app sleeps, so that nobody indexes an empty page.
BOTS: Final = (
    # search engines and link previews
    "googlebot", "google-inspectiontool", "bingbot", "bingpreview", "yandex.com/bots", "baiduspider", "duckduckbot",
    "applebot", "petalbot", "ahrefsbot", "semrushbot", "mj12bot", "dotbot", "gptbot", "claudebot", "ccbot",
    "amazonbot", "bytespider", "facebookexternalhit", "facebot", "twitterbot", "linkedinbot", "slackbot",
    "slack-imgproxy", "discordbot", "telegrambot", "whatsapp/", "skypeuripreview", "pinterestbot", "mastodon/",
    # scanners
    "censysinspect", "zgrab", "expanse", "masscan", "nuclei", "internetmeasurement",
)  # fmt: skip
