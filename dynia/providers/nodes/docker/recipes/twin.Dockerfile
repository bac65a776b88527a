# A droplet of the twin: a lab node with Debian's cloud-init, and a metadata service that no packet leaves for.
ARG NODE
FROM ${NODE}
RUN export DEBIAN_FRONTEND=noninteractive && apt-get update -qq \
 && apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends cloud-init \
 && rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
COPY twin/ /
RUN chmod 755 /usr/local/sbin/lab-droplet \
 && systemctl enable --quiet lab-droplet.service lab-metadata.socket
