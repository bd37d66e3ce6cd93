# One file, one image per service; docker-bake.hcl builds all five, with SBOM and provenance.
#
# PYTHON_IMAGE has no default on purpose: give a slim Python (3.11 or newer) by digest, so that a build can be repeated.
# One without a digest is refused.
#   docker buildx imagetools inspect docker.io/library/python:3.13-slim     shows   docker.io/library/python@sha256:...
ARG PYTHON_IMAGE

FROM ${PYTHON_IMAGE} AS build
ARG PYTHON_IMAGE
RUN case "${PYTHON_IMAGE}" in *@sha256:*) ;; *) echo "PYTHON_IMAGE must name a digest, ...@sha256:..." >&2; exit 2;; esac
WORKDIR /build
COPY deploy/requirements.lock deploy/build.lock ./
RUN python -m venv --without-pip /opt/ml-connector \
 && python -m pip --python /opt/ml-connector/bin/python install --no-cache-dir --require-hashes --no-deps \
      --only-binary :all: -r requirements.lock
RUN python -m venv /opt/tools \
 && /opt/tools/bin/python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY libs libs
COPY services services
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /build/wheel \
 && python -m pip --python /opt/ml-connector/bin/python install --no-cache-dir --no-deps --no-index wheel/*.whl

FROM ${PYTHON_IMAGE} AS runtime
RUN python -m pip uninstall --yes --quiet pip setuptools wheel \
 && python -c "import ensurepip, os, shutil; shutil.rmtree(os.path.dirname(ensurepip.__file__))"
COPY --from=build /opt/ml-connector /opt/ml-connector
ENV PATH=/opt/ml-connector/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /
USER 10001:10001

FROM runtime AS webhook-gateway
EXPOSE 8080 8081
ENTRYPOINT ["webhook-gateway"]

FROM runtime AS basware-reader
EXPOSE 8081
ENTRYPOINT ["basware-reader"]

FROM runtime AS epicor-writer
EXPOSE 8081
ENTRYPOINT ["epicor-writer"]

FROM runtime AS masterdata-sync
EXPOSE 8081
ENTRYPOINT ["masterdata-sync"]

# Also holds `ml-connector`, for the Jobs and for people.
FROM runtime AS operator-console
EXPOSE 8081
ENTRYPOINT ["operator-console"]
