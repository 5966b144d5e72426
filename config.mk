# What a builder may want to change; `make help` lists the targets.
VERSION = 0.1.0
CC = gcc
PREFIX = /usr/local
BUILD = build
# "static" makes one file that needs nothing; "dynamic" is for sanitizers and debuggers.
LINK = static
OPTIMIZE = -O2
SANITIZE =
# Another compiler may warn of what ours do not. Who changes the program says WERROR=-Werror, as
# scripts/test does.
WERROR =
