# lbproxy in a container. docs/DOCKER.md says how to use it and what of it was tried.
FROM node:26-slim AS build
WORKDIR /src
COPY package.json package-lock.json tsconfig.json tsconfig.build.json rolldown.config.ts ./
COPY src src
# Also builds: package.json's "dependencies" script.
RUN npm ci

FROM node:26-slim
WORKDIR /usr/lib/lbproxy
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY --from=build /src/dist dist
COPY config /etc/lbproxy
# The image's own user, uid 1000; what is made once (the self-signed certificate, the pid file) goes to its state directory.
RUN ln -s /usr/lib/lbproxy/dist/main.js /usr/local/bin/lbproxy \
 && install -d -o node -g node /var/lib/lbproxy /etc/lbproxy/.lbproxy
ENV NODE_ENV=production XDG_STATE_HOME=/var/lib LBPROXY_HEALTH_URL=http://127.0.0.1:8080/
USER node
EXPOSE 8080 8081 8443
# Graceful: exchanges under way end first. `docker stop` waits 10 s unless told otherwise.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(process.env.LBPROXY_HEALTH_URL, { redirect: 'manual' }).then((r) => process.exit(r.status < 500 ? 0 : 1), () => process.exit(1))"]
CMD ["lbproxy", "--config", "/etc/lbproxy/upstreams.json"]
