# syntax=docker/dockerfile:1
# The image has what runs and nothing that builds: dist/, production dependencies, Node.

FROM node:24-bookworm-slim AS build
WORKDIR /exportd
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm ci --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="exportd" \
      org.opencontainers.image.description="Recurring usage reports into your warehouse, one period at a time, exactly once" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /exportd
COPY package.json package-lock.json .npmrc LICENSE ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY --from=build /exportd/dist ./dist
COPY config/exportd.schema.json ./config/

# Bodies as they come, personal values included, for as long as a period is in hand: the one place that is written to.
RUN install -d -o node -g node -m 0700 /var/spool/exportd
ENV NODE_ENV=production TMPDIR=/var/spool/exportd EXPORTD_CONFIG=/etc/exportd
VOLUME /var/spool/exportd
USER node
EXPOSE 9464
# The process answers; whether it can work is said by /readyz.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/exportd/dist/main.js"]
CMD ["start"]
