# Users may run Node 20.19 or later (package.json); the image has a release line that is supported for years (.nvmrc).
FROM node:24-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs
RUN node scripts/sbom.mjs > sbom.cdx.json

FROM base AS production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev

# Everything belongs to root, and the service runs as another user: it cannot change its own code.
FROM base
# Where it comes from and when is added by the release (.github/workflows/release.yml).
LABEL org.opencontainers.image.title="Email Feedback Service" \
  org.opencontainers.image.description="Turns the feedback of a mail transfer agent into true, live delivery KPIs: exactly once in effect, replayable at any time." \
  org.opencontainers.image.version="0.2.0" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production EFS_HTTP_HOST=0.0.0.0 EFS_INGEST_HOST=0.0.0.0
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/sbom.cdx.json ./
COPY package.json LICENSE ./
COPY schemas schemas
# The user `node` by its number: Kubernetes compares numbers only (runAsNonRoot).
USER 1000:1000
# Page, API, health and metrics of `run`; webhooks and health of `ingest serve`.
EXPOSE 8090 8092
# A container runs one of the two: it is alive where either port says so.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "const { EFS_HTTP_PORT = 8090, EFS_INGEST_PORT = 8092 } = process.env; const alive = async (port) => { if (!(await fetch('http://127.0.0.1:' + port + '/livez')).ok) throw 0; }; Promise.any([EFS_HTTP_PORT, EFS_INGEST_PORT].map(alive)).then(() => process.exit(0), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["run"]
