# The image of every program of Brook: the building (default) and the connectors (another command).
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/postinstall.mjs scripts/postinstall.mjs
# The image has its own Node: the one from npm, for machines with an older one, only adds size.
RUN BROOK_OPENZWAVE=skip npm ci --omit=dev && rm -rf node_modules/node node_modules/node-bin-* node_modules/.bin/node

FROM node:24.21.0-bookworm-slim
# libatomic1: RocksDB. tini: reaps children and passes signals on as process 1.
RUN apt-get update \
  && apt-get install -y --no-install-recommends libatomic1 tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY common common
COPY connectors connectors
COPY deploy/healthcheck.mjs deploy/healthcheck.mjs
COPY http http
COPY kafka kafka
COPY schemas schemas
COPY stores stores
COPY streams streams
COPY topology topology
# `brook` for whoever looks after it: docker compose exec building-1 brook lag.
RUN mkdir /data && chown node:node /data && ln -s /app/bin/brook.mjs /usr/local/bin/brook
ENV NODE_ENV=production BROOK_DATA_DIR=/data
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["node", "deploy/healthcheck.mjs"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "bin/building.ts"]
