# One image for every role: serve, worker and flower. Nothing in it is younger than the hashed locks.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
# Where packages come from, and whom TLS trusts, for whoever builds behind a mirror or a proxy.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG PIP_CERT
ARG SSL_CERT_FILE
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1 SOURCE_DATE_EPOCH=315532800
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends binutils >/dev/null
WORKDIR /build
COPY requirements/build.lock requirements/run.lock requirements/
RUN python -m venv tools \
 && tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.lock \
 && tools/bin/uv venv --quiet --python "$(command -v python)" /app \
 && tools/bin/uv pip sync --quiet --python /app/bin/python --require-hashes requirements/run.lock
COPY . .
RUN tools/bin/uv build --quiet --wheel --no-build-isolation --python tools/bin/python --out-dir dist \
 && tools/bin/uv pip install --quiet --python /app/bin/python --no-deps dist/*.whl \
 && /app/bin/python -B containers/trim.py packages

# What a Python program needs of the base, and no shell, package manager or compiler.
FROM ${PYTHON_IMAGE} AS root
COPY --from=build /app /app
COPY containers/trim.py /build/
RUN /app/bin/python -B /build/trim.py check \
 && /app/bin/python -B /build/trim.py compile \
 && /app/bin/python -B /build/trim.py root /root/fs \
 && mkdir -m 1777 /root/fs/tmp && mkdir /root/fs/project && mkdir -p -m 700 /root/own/data

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mcp-server-playground" \
      org.opencontainers.image.description="A self-hosted MCP server that streams long-running tools from Celery workers" \
      org.opencontainers.image.source="https://github.com/mcp-server-playground/mcp-server-playground" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=root /root/fs /
COPY --from=root /app /app
# A volume at /data begins as its user's own: Flower keeps there what it saw.
COPY --from=root --chown=10001:10001 /root/own /
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# What the `project` tool searches is mounted here.
WORKDIR /project
EXPOSE 3000 5555
STOPSIGNAL SIGTERM
# For `serve`; whoever runs another role asks it something else, or nothing.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f\"http://127.0.0.1:{os.environ.get('MCP_PORT', '3000')}/health/live\", timeout=4)"]
ENTRYPOINT ["mcp-playground"]
CMD ["serve", "--host", "0.0.0.0"]
