# A lab node: Debian 13 that boots systemd and answers ssh. Target `bare` is a plain host as a vendor hands
# it over; target `node` has the packages that bootstrap would install, so that the lab is quick.
ARG BASE
FROM ${BASE} AS bare
ENV container=docker
RUN export DEBIAN_FRONTEND=noninteractive && apt-get update -qq \
 && apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends \
      systemd systemd-sysv dbus openssh-server sudo ca-certificates curl \
      iproute2 iputils-ping procps busybox-static \
 && rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
# No host key and no machine id: each node gets its own. What needs hardware is masked.
RUN rm -f /etc/ssh/ssh_host_* && : >/etc/machine-id \
 && systemctl enable ssh.service \
 && systemctl mask --quiet systemd-udevd.service systemd-udev-trigger.service getty.target console-getty.service \
      systemd-firstboot.service systemd-modules-load.service systemd-networkd-wait-online.service \
      apt-daily.timer apt-daily-upgrade.timer sys-kernel-debug.mount sys-kernel-tracing.mount \
      sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount
COPY node/ /
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]

FROM bare AS node
RUN export DEBIAN_FRONTEND=noninteractive && apt-get update -qq \
 && apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends \
      docker.io docker-cli docker-compose containerd runc iptables nftables haproxy keepalived \
 && rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
