# Users may run Node 20.19 or later (package.json); the image has a release line that is supported for years.
FROM node:24-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs

FROM base AS production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

# Everything belongs to root, and the service runs as another user: it cannot change its own code.
FROM base
ENV NODE_ENV=production EFS_HTTP_HOST=0.0.0.0
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY schemas schemas
# The user `node` by its number: Kubernetes compares numbers only (runAsNonRoot).
USER 1000:1000
EXPOSE 8090
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.EFS_HTTP_PORT || 8090) + '/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["run"]
