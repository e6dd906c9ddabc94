"""Ingresses as people write them, with what the controllers answer by themselves: as in their own documentation."""

from tests.e2e.written_ingress import Written

PROVED = "was proved by a newer path of waker's own"

REWRITE = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/use-regex: "true"
    nginx.ingress.kubernetes.io/rewrite-target: /$$2
spec:
  ingressClassName: nginx
  rules:
  - host: $host
    http:
      paths:
      - path: /something(/|$$)(.*)
        pathType: ImplementationSpecific
        backend: {service: {name: shop, port: {number: 80}}}
""",
    visited="/something/new?a=1",
    arrives="/new?a=1",
    path="/something(/|$)(.*)",
    shown=PROVED,
)
EXPRESSION_IN_TRAEFIK = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.pathmatcher: PathRegexp
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths:
      - path: /item/[0-9]+
        pathType: ImplementationSpecific
        backend: {service: {name: shop, port: {name: http}}}
""",
    visited="/item/17",
    arrives="/item/17",
    path="/item/[0-9]+",
    shown=PROVED,
)
FORCED = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
spec:
  ingressClassName: nginx
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
FORCED_AND_REWRITTEN = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
    nginx.ingress.kubernetes.io/use-regex: "true"
    nginx.ingress.kubernetes.io/rewrite-target: /$$1
spec:
  ingressClassName: nginx
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths:
      - path: /app/?(.*)
        pathType: ImplementationSpecific
        backend: {service: {name: shop, port: {name: http}}}
""",
    visited="/app/cart",
    arrives="/cart",
    path="/app/?(.*)",
    over_tls=True,
    shown=PROVED,
)
WEBSECURE = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.entrypoints: websecure
    traefik.ingress.kubernetes.io/router.tls: "true"
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
NO_PLAIN_HTTP = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    kubernetes.io/ingress.allow-http: "false"
spec:
  ingressClassName: contour
  tls: [{hosts: [$host], secretName: shop-tls}]
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    over_tls=True,
)
LIMITED = Written(
    """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/limit-rps: "1"
    nginx.ingress.kubernetes.io/limit-burst-multiplier: "1"
spec:
  ingressClassName: nginx
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    every=2,
)
LIMITED_BY_MIDDLEWARE = Written(
    """
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: limit}
spec: {rateLimit: {average: 1, period: 2s, burst: 1}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    traefik.ingress.kubernetes.io/router.middlewares: $namespace-limit@kubernetescrd
spec:
  ingressClassName: traefik
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
""",
    every=3,
)
PLAIN = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: CLASS
  rules:
  - host: $host
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]
"""
ANOTHER_WAY_IN = """
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: shop}
spec:
  entryPoints: [web]
  routes: [{kind: Rule, match: "Host(`$host`)", priority: 9000, services: [{name: shop, port: 80}]}]
"""
