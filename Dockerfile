# An image with Graft and its engine: `graft trial work` in Kubernetes, or all of Graft where Docker is at hand.
#
#   docker build -t graft .                                       Debian's libtorch, for CPUs
#   docker build -t graft:cuda --build-arg ENGINE=pip .           PyTorch's wheel, with CUDA
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" graft data describe isic2017
#
# Nothing is written outside /data and /tmp: it works for any user, also one without a name or a home.

ARG NODE=22

# The two tarballs, as they would be published.
FROM node:${NODE}-bookworm-slim AS packages
WORKDIR /source
COPY package.json package-lock.json ./
COPY packages/torch/package.json packages/torch/
RUN npm ci --no-audit --no-fund
COPY . .
# What is optional (DICOM, object stores, queues, ONNX) is all in the image.
RUN npm pack --silent --pack-destination /tmp . ./packages/torch \
 && node -p "Object.entries(require('./package.json').peerDependencies).map((peer) => peer.join('@')).join('\n')" > /tmp/peers

FROM node:${NODE}-bookworm-slim
# Where libtorch comes from: `apt`, or `pip`, whose wheel brings CUDA's libraries; the driver is the host's (`--gpus all`).
ARG ENGINE=apt
ARG TORCH=torch==2.11.*
RUN if [ "$ENGINE" = pip ]; then libtorch=python3-pip; else libtorch='libtorch-dev libopenblas0-pthread'; fi \
 && apt-get update \
 && apt-get install -y --no-install-recommends $libtorch libjpeg-dev g++ \
 && rm -rf /var/lib/apt/lists/* \
 && if [ "$ENGINE" = pip ]; then pip install --no-cache-dir --break-system-packages "$TORCH"; fi
# The engine is the image's, whatever GRAFT_CACHE a user sets for weights and features. Nobody but root may change it.
ENV GRAFT_ADDON_CACHE=/opt/graft/addon
WORKDIR /opt/graft
COPY --from=packages /tmp/peers /tmp/*.tgz ./
RUN echo '{ "private": true }' > package.json \
 && npm install --no-audit --no-fund ./*.tgz $(cat peers) \
 && rm -rf ./*.tgz peers /root/.npm
ENV PATH=/opt/graft/node_modules/.bin:$PATH
RUN graft setup && graft doctor --json
# A user without a home has caches here.
ENV XDG_CACHE_HOME=/tmp/cache
WORKDIR /data
USER node
ENTRYPOINT ["graft"]
CMD ["--help"]
