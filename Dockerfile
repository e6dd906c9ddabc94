# waker on CPython 3.15 with lazy imports. Three stages: install; trim and compile; copy all into one layer, so that what was
# removed (pip, the test suite, IDLE, ...) is not in the image at all.
#   docker build -t waker .
# Nothing in it depends on the processor: `docker buildx build --platform linux/amd64,linux/arm64 .` builds for both, see RELEASING.md.

FROM python:3.15-slim AS installed
WORKDIR /src
COPY setup.cfg setup.py README.md LICENSE ./
COPY waker waker
COPY templates templates
COPY static static
# Wheels only: there is no compiler, and a package must not fall back to slow pure Python unnoticed. The exception is PyYAML,
# which has no wheel for 3.15 yet. It reads kubeconfig files, so the service in a cluster never loads it.
RUN pip install --no-cache-dir --no-compile --only-binary :all: --no-binary pyyaml .

FROM python:3.15-slim AS trimmed
COPY --from=installed /usr/local/lib/python3.15/site-packages /usr/local/lib/python3.15/site-packages
COPY --from=installed /usr/local/bin/waker /usr/local/bin/waker
WORKDIR /usr/local/lib/python3.15
# The root file system is read-only, so what is not compiled here would be compiled in memory at every start. PYTHONOPTIMIZE=2
# looks for level 2. Unchecked hashes stay valid whatever time stamps the layers give the sources. The templates are compiled,
# too, so that the service never loads the template compiler. waker and its libraries are compiled without the annotations of
# functions, which nothing uses at run time.
RUN rm -rf ensurepip idlelib pydoc_data test tkinter turtledemo site-packages/pip site-packages/pip-*.dist-info \
        /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/bin/pydoc* /usr/local/include \
    && python -OO -m waker.image.precompile \
    && python -m compileall -q -o 2 --invalidation-mode unchecked-hash -x site-packages . \
    && python -OO -m waker.image.slim site-packages \
    && waker --help > /dev/null

FROM scratch
# A release sets both, see RELEASING.md.
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="waker" \
    org.opencontainers.image.description="Apps in a Kubernetes cluster that nobody visits sleep; the first visitor wakes them." \
    org.opencontainers.image.url="https://github.com/kubesleeper/kubesleeper" \
    org.opencontainers.image.source="https://github.com/kubesleeper/kubesleeper" \
    org.opencontainers.image.documentation="https://github.com/kubesleeper/kubesleeper/tree/main/docs" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
# Copying everything makes it one layer.
# hadolint ignore=DL3067
COPY --from=trimmed / /
# These save memory. OPTIMIZE: no docstrings. LAZY_IMPORTS: unused modules are not loaded. NODEBUGRANGES: no columns in
# tracebacks. MALLOC_*: one arena, and freed memory is returned. SSL_CERT_*: public CAs are looked up one by one in the folder,
# if at all, because the bundle of all CAs takes 0.8 MB for each TLS context. They are variables, so that they apply to
# `kubectl exec deploy/waker -- waker status`, too.
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    HOME=/ \
    LANG=C.UTF-8 \
    PYTHONOPTIMIZE=2 \
    PYTHON_LAZY_IMPORTS=all \
    PYTHONNODEBUGRANGES=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SSL_CERT_DIR=/etc/ssl/certs \
    SSL_CERT_FILE=/nonexistent \
    MALLOC_ARENA_MAX=1 \
    MALLOC_TRIM_THRESHOLD_=65536 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    PYTHONMALLOC=malloc
WORKDIR /
# A number, so that Kubernetes can check runAsNonRoot without a password file.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["waker"]
CMD ["run"]
