/* SPDX-License-Identifier: MIT */
/*
 * hash.h - checksums and keyed fingerprints
 *
 * CRC32C (Castagnoli, RFC 3720 appendix B.4) protects every frame and file against damage, not
 * against malice. SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF") identifies a key of state. Its key is secret, so no one can choose two inputs
 * that collide; the probability of a collision by chance among 10^9 keys is 10^-21.
 */
#ifndef BULKHEAD_COMMON_HASH_H
#define BULKHEAD_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t low;
    uint64_t high;
};

/* Continues a CRC32C over len more bytes; start with crc = 0. */
uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same with a table, for processors without instructions for it. */
uint32_t hash_crc32c_portable(uint32_t crc, const void *bytes, size_t len);

/* SipHash-2-4-128 of len bytes under a key of 16 bytes. */
struct hash128 hash_siphash128(const uint8_t key[16], const void *bytes, size_t len);

/* FNV-1a, 64 bits: for fingerprints of our own short texts, which are not under attack. */
uint64_t hash_fnv1a(const void *bytes, size_t len);

/* Continues an FNV-1a over len more bytes; start with HASH_FNV1A_START. */
#define HASH_FNV1A_START 0xcbf29ce484222325u
uint64_t hash_fnv1a_add(uint64_t hash, const void *bytes, size_t len);

/* Spreads every bit of a number over all (the finalizer of MurmurHash3). */
uint64_t hash_mix64(uint64_t number);

#endif
