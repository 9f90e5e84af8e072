# Two stages: compilers and sources stay in the first. See docs/operations.md for how to run the image.
FROM node:20-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Dependencies change less often than sources: a layer of their own.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY build ./build
COPY src ./src
# The build runs the program once, to keep what it compiles.
COPY config ./config
COPY migrations ./migrations
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /opt/recordsmith
COPY package.json README.md LICENSE CHANGELOG.md ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY config ./config
COPY docs ./docs
COPY migrations ./migrations
RUN ln -s /opt/recordsmith/dist/program/recordsmith.js /usr/local/bin/recordsmith \
    && chmod a+x dist/program/recordsmith.js
USER node
WORKDIR /srv/recordsmith
ENTRYPOINT ["recordsmith"]
CMD ["run"]
