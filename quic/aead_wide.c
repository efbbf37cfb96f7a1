/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packets by ipsec-mb, which has one function for each processor and key size, and a manager that
 * knows which: only the functions are kept.
 * Tested by tests/unit/quic/test_aead.c. */
#include "quic/aead_wide.h"

#include <stdlib.h>

#ifdef MOQ_IPSEC_MB
#define NO_COMPAT_IMB_API_053 /* names of before 2020 */
#include <intel-ipsec-mb.h>
#include <string.h>

#include <ngtcp2/ngtcp2_crypto.h>

enum { ALIGNMENT_BYTES = 64 };

struct functions {
    aes_gcm_pre_t expand;
    aes_gcm_enc_dec_t seal, open;
};

struct wide {
    struct functions aes_128, aes_256;
};

struct wide_key {
    struct gcm_key_data data; /* first, for alignment: the library loads it in whole registers */
    struct functions run;
};

static const struct {
    uint64_t features;
    void (*init)(IMB_MGR *manager);
} kernels[] = {
    [WIDE_512] = {IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ,
                  init_mb_mgr_avx512},
    [WIDE_256] = {IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
    [WIDE_128] = {IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
};

struct wide *wide_new(enum wide_registers registers)
{
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!manager)
        return NULL;
    const uint64_t wanted = kernels[registers].features;
    bool is_there = (manager->features & wanted) == wanted;
    if (is_there)
        kernels[registers].init(manager);
    is_there = is_there && imb_get_errno(manager) == 0;
    struct wide *wide = is_there ? calloc(1, sizeof *wide) : NULL;
    if (wide) {
        wide->aes_128 =
            (struct functions){manager->gcm128_pre, manager->gcm128_enc, manager->gcm128_dec};
        wide->aes_256 =
            (struct functions){manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec};
    }
    free_mb_mgr(manager);
    return wide;
}

struct wide_key *wide_key_new(const struct wide *wide, const uint8_t *key, size_t n)
{
    if (n != IMB_KEY_128_BYTES && n != IMB_KEY_256_BYTES)
        return NULL;
    size_t lines = (sizeof(struct wide_key) + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES;
    struct wide_key *made = aligned_alloc(ALIGNMENT_BYTES, lines * ALIGNMENT_BYTES);
    if (!made)
        return NULL;
    made->run = n == IMB_KEY_128_BYTES ? wide->aes_128 : wide->aes_256;
    made->run.expand(key, &made->data);
    return made;
}

void wide_key_free(struct wide_key **key)
{
    if (*key)
        ngtcp2_secure_clear(*key, sizeof **key);
    free(*key);
    *key = NULL;
}

void wide_seal(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *plain, size_t n)
{
    struct gcm_context_data context;
    key->run.seal(&key->data, &context, out, plain, n, packet->nonce, packet->header,
                  packet->header_size, out + n, WIDE_TAG_BYTES);
}

/* Takes the same time wherever the bytes differ. */
static bool is_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

bool wide_open(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *sealed, size_t n)
{
    struct gcm_context_data context;
    uint8_t tag[WIDE_TAG_BYTES], claimed[WIDE_TAG_BYTES];
    memcpy(claimed, sealed + n, sizeof claimed); /* before `out`, which may overlap, is written */
    key->run.open(&key->data, &context, out, sealed, n, packet->nonce, packet->header,
                  packet->header_size, tag, sizeof tag);
    return is_equal(tag, claimed, sizeof tag);
}

#else

struct wide *wide_new(enum wide_registers registers)
{
    (void)registers;
    return NULL;
}

struct wide_key *wide_key_new(const struct wide *wide, const uint8_t *key, size_t n)
{
    (void)wide, (void)key, (void)n;
    return NULL;
}

void wide_key_free(struct wide_key **key)
{
    *key = NULL;
}

void wide_seal(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *plain, size_t n)
{
    (void)key, (void)packet, (void)out, (void)plain, (void)n;
}

bool wide_open(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *sealed, size_t n)
{
    (void)key, (void)packet, (void)out, (void)sealed, (void)n;
    return false;
}

#endif

void wide_free(struct wide **wide)
{
    free(*wide);
    *wide = NULL;
}
