# One image for every process; the command chooses which (see compose.yaml).
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --prefix=/installed -r requirements.txt

FROM python:3.11-slim-bookworm
COPY --from=build /installed /usr/local
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY alembic.ini ./
COPY .streamlit .streamlit
COPY migrations migrations
COPY core core
COPY runner runner
COPY api api
COPY dashboard dashboard
COPY web web
COPY pages pages
RUN useradd --create-home --uid 10001 ulos
USER 10001
CMD ["python", "-m", "web", "dashboard.asgi:app", "--host", "0.0.0.0", "--port", "8501"]
