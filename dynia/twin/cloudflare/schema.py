"""The tables. Rows of what was deleted stay, so that a test can see what was ever made."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS zones (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS records (
  id TEXT PRIMARY KEY, zone TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
  data TEXT NOT NULL, ttl INTEGER NOT NULL, proxied INTEGER NOT NULL, comment TEXT NOT NULL,
  created REAL NOT NULL, modified REAL NOT NULL, deleted REAL);
CREATE INDEX IF NOT EXISTS records_name ON records (zone, name);
CREATE TABLE IF NOT EXISTS unpublished (zone TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (zone, name));
CREATE TABLE IF NOT EXISTS certificates (
  id TEXT PRIMARY KEY, zone TEXT NOT NULL, csr TEXT NOT NULL, hostnames TEXT NOT NULL,
  request_type TEXT NOT NULL, validity INTEGER NOT NULL, certificate TEXT NOT NULL, expires REAL NOT NULL,
  created REAL NOT NULL, revoked REAL);
CREATE TABLE IF NOT EXISTS authorities (
  request_type TEXT PRIMARY KEY, key TEXT NOT NULL, certificate TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (until REAL NOT NULL);
"""
