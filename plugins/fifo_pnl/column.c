/* SPDX-License-Identifier: MIT
 *
 * column: one loop a type, so that each is as fast as its memory.
 */
#include "column.h"

bool column_is_whole(const struct sheaf_view *v, bool texts)
{
    switch (v->dtype) {
    case SHEAF_DT_I8:
    case SHEAF_DT_I16:
    case SHEAF_DT_I32:
    case SHEAF_DT_I64:
    case SHEAF_DT_U8:
    case SHEAF_DT_U16:
    case SHEAF_DT_U32:
    case SHEAF_DT_DATE:
        return true;
    case SHEAF_DT_CODE:
        return texts;
    default:
        return false;
    }
}

bool column_is_number(const struct sheaf_view *v)
{
    return (column_is_whole(v, false) && v->dtype != SHEAF_DT_DATE) || v->dtype == SHEAF_DT_F32 ||
           v->dtype == SHEAF_DT_F64;
}

#define COPY(type, to)                                                                                                 \
    for (uint64_t i = 0; i < n; i++)                                                                                   \
    room[i] = (to)((const type *)v->data)[from + i]

const int64_t *column_whole(const struct sheaf_view *v, uint64_t from, uint64_t n, int64_t *room)
{
    switch (v->dtype) {
    case SHEAF_DT_I8:
        COPY(int8_t, int64_t);
        break;
    case SHEAF_DT_I16:
        COPY(int16_t, int64_t);
        break;
    case SHEAF_DT_I64:
        return (const int64_t *)v->data + from;
    case SHEAF_DT_U8:
        COPY(uint8_t, int64_t);
        break;
    case SHEAF_DT_U16:
        COPY(uint16_t, int64_t);
        break;
    case SHEAF_DT_U32:
        COPY(uint32_t, int64_t);
        break;
    default: /* I32, CODE, DATE */
        COPY(int32_t, int64_t);
    }
    return room;
}

const double *column_numbers(const struct sheaf_view *v, uint64_t from, uint64_t n, double *room)
{
    switch (v->dtype) {
    case SHEAF_DT_I8:
        COPY(int8_t, double);
        break;
    case SHEAF_DT_I16:
        COPY(int16_t, double);
        break;
    case SHEAF_DT_I32:
        COPY(int32_t, double);
        break;
    case SHEAF_DT_I64:
        COPY(int64_t, double);
        break;
    case SHEAF_DT_U8:
        COPY(uint8_t, double);
        break;
    case SHEAF_DT_U16:
        COPY(uint16_t, double);
        break;
    case SHEAF_DT_U32:
        COPY(uint32_t, double);
        break;
    case SHEAF_DT_F32:
        COPY(float, double);
        break;
    default: /* F64 */
        return (const double *)v->data + from;
    }
    return room;
}
