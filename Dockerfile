# drift with the programs it runs: git (with ssh, and gpg to sign), helm, kustomize. Runs as 65532 on a read-only root; /tmp must be writable.
#
#   docker build -t drift .
#   docker run --rm --read-only --tmpfs /tmp -v "$PWD:/work:ro" -v ~/.kube/config:/kubeconfig:ro drift check --kubeconfig /kubeconfig

FROM rust:1.95-trixie AS drift
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY deploy/github/drift.yml deploy/github/drift.yml
RUN cargo build --locked --profile dist --bin drift

FROM golang:1.26-trixie AS tools
ENV CGO_ENABLED=0 GOBIN=/out GOFLAGS="-trimpath -buildvcs=false"
RUN go install -ldflags '-s -w' sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
RUN go install -ldflags '-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1' helm.sh/helm/v4/cmd/helm@v4.3.1

FROM debian:trixie-slim
# The user has a name, for ssh and ssh-keygen refuse one without.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client gpg gpg-agent \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 65532 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin drift
COPY --from=tools /out/helm /out/kustomize /usr/local/bin/
COPY --from=drift /src/target/dist/drift /usr/local/bin/drift
COPY LICENSE /usr/share/doc/drift/LICENSE
# Set by the release.
ARG REVISION=""
LABEL org.opencontainers.image.title="drift" \
      org.opencontainers.image.description="Finds changes made to a Kubernetes cluster outside Git, and ends each one with a commit" \
      org.opencontainers.image.source="https://github.com/drift/drift" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$REVISION"
ENV HOME=/tmp DRIFT_CACHE_DIR=/tmp/drift
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/drift"]
