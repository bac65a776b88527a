# Debian's Python and one file. The lab's own base, so that no registry is needed.
ARG BASE
FROM ${BASE}
RUN export DEBIAN_FRONTEND=noninteractive && apt-get update -qq \
 && apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends python3 \
 && rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
COPY service.py /service.py
CMD ["python3", "-I", "/service.py"]
