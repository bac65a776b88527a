"""The tables. Rows of what was deleted stay, so that a test can see what was ever made."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS droplets (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, region TEXT NOT NULL, size TEXT NOT NULL,
  image TEXT NOT NULL, vpc TEXT NOT NULL, user_data TEXT NOT NULL, public_keys TEXT NOT NULL,
  status TEXT NOT NULL, public_ip TEXT NOT NULL DEFAULT '', private_ip TEXT NOT NULL DEFAULT '',
  anchor_ip TEXT NOT NULL DEFAULT '',
  created REAL NOT NULL, deleted REAL, body_gone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS tags (name TEXT PRIMARY KEY, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS droplet_tags (
  droplet INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (droplet, tag));
CREATE TABLE IF NOT EXISTS keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, public_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS vpcs (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, region TEXT NOT NULL, ip_range TEXT NOT NULL,
  description TEXT NOT NULL, is_default INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS reserved_ips (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ip TEXT NOT NULL UNIQUE, region TEXT NOT NULL, droplet INTEGER,
  created REAL NOT NULL, released REAL);
CREATE TABLE IF NOT EXISTS actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, status TEXT NOT NULL, droplet INTEGER,
  reserved_ip INTEGER, region TEXT NOT NULL, doomed INTEGER NOT NULL, started REAL NOT NULL, completed REAL);
CREATE INDEX IF NOT EXISTS actions_pending ON actions (status) WHERE status = 'in-progress';
CREATE TABLE IF NOT EXISTS firewalls (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, inbound TEXT NOT NULL, outbound TEXT NOT NULL,
  droplets TEXT NOT NULL, tags TEXT NOT NULL, created REAL NOT NULL);
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'droplets', 300000000 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'droplets');
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'actions', 1800000000 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'actions');
"""
