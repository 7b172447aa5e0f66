/* SPDX-License-Identifier: MIT */
#include "sweep/element.h"

#include <string.h>

bool element_discrete(uint32_t dtype)
{
    return (dtype >= SHEAF_DT_BOOL && dtype <= SHEAF_DT_U64) || dtype == SHEAF_DT_CODE || dtype == SHEAF_DT_DATE;
}

int64_t element_at(const struct sheaf_view *v, uint64_t row)
{
    const char *at = (const char *)v->data + (int64_t)row * v->strides[0];
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } x = {0};
    switch (v->dtype) {
    case SHEAF_DT_I8:
        memcpy(&x, at, 1);
        return x.i8;
    case SHEAF_DT_I16:
        memcpy(&x, at, 2);
        return x.i16;
    case SHEAF_DT_U16:
        memcpy(&x, at, 2);
        return x.u16;
    case SHEAF_DT_U32:
        memcpy(&x, at, 4);
        return x.u32;
    case SHEAF_DT_I64:
        memcpy(&x, at, 8);
        return x.i64;
    case SHEAF_DT_U64:
        memcpy(&x, at, 8);
        return (int64_t)(x.u64 ^ (uint64_t)1 << 63);
    case SHEAF_DT_I32:
    case SHEAF_DT_CODE:
    case SHEAF_DT_DATE:
        memcpy(&x, at, 4);
        return x.i32;
    default: /* bool, uint8 */
        memcpy(&x, at, 1);
        return x.u8;
    }
}
