# Settings that a builder may change; `make help` lists the targets.
VERSION = 0.1.0
CC = gcc
PREFIX = /usr/local
BUILD = build
# "static" builds one file without dependencies; "dynamic" is for sanitizers and debuggers.
LINK = static
OPTIMIZE = -O2
SANITIZE =
# Empty, because another compiler may have warnings that ours do not. Developers use
# WERROR=-Werror, as scripts/test does.
WERROR =
