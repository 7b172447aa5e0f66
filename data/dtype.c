/* SPDX-License-Identifier: MIT
 *
 * dtype: names and sizes of the element types of sheaf/plugin.h.
 */
#include "data/dataset.h"

static const struct {
    const char *name;
    uint32_t size;
} types[] = {
    [SHEAF_DT_BOOL] = {"bool", 1},   [SHEAF_DT_I8] = {"int8", 1},     [SHEAF_DT_I16] = {"int16", 2},
    [SHEAF_DT_I32] = {"int32", 4},   [SHEAF_DT_I64] = {"int64", 8},   [SHEAF_DT_U8] = {"uint8", 1},
    [SHEAF_DT_U16] = {"uint16", 2},  [SHEAF_DT_U32] = {"uint32", 4},  [SHEAF_DT_U64] = {"uint64", 8},
    [SHEAF_DT_F32] = {"float32", 4}, [SHEAF_DT_F64] = {"float64", 8}, [SHEAF_DT_CODE] = {"code", 4},
    [SHEAF_DT_DATE] = {"date", 4},
};

const char *dtype_name(uint32_t dtype)
{
    if (dtype >= sizeof types / sizeof types[0] || types[dtype].name == NULL)
        return "?";
    return types[dtype].name;
}

uint32_t dtype_size(uint32_t dtype)
{
    if (dtype >= sizeof types / sizeof types[0])
        return 0;
    return types[dtype].size;
}
