// Parquet's run-length and bit-packing hybrid: how levels and dictionary indices are written.
// Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/ (RLE = 3)
#pragma once

#include "sync/parquet/compact_writer.hpp"

#include <cstdint>
#include <string>

namespace lakeferry::parquet {

// `at(i)` gives value i of `count`; each fits into `width` bits, 1 to 32.
template <class At>
void append_hybrid(std::string& to, std::size_t count, unsigned width, At&& at)
{
    const auto repeats = [&](std::size_t from) {  // eight times or more
        if (count - from < 8) return false;
        for (std::size_t i = 1; i < 8; ++i)
            if (at(from + i) != at(from)) return false;
        return true;
    };
    for (std::size_t i = 0; i < count;) {
        if (repeats(i)) {
            std::size_t end = i + 8;
            while (end < count && at(end) == at(i)) ++end;
            append_varint(to, (end - i) << 1U);
            for (unsigned shift = 0; shift < width; shift += 8)
                to.push_back(static_cast<char>((static_cast<std::uint32_t>(at(i)) >> shift) & 0xFFU));
            i = end;
            continue;
        }
        std::size_t end = i;  // packed values come in eights; zeros fill the last ones
        do end += 8;
        while (end < count && !repeats(end));
        append_varint(to, (((end - i) / 8) << 1U) | 1U);
        std::uint64_t bits = 0;
        unsigned have = 0;
        for (; i < end; ++i) {
            bits |= static_cast<std::uint64_t>(i < count ? static_cast<std::uint32_t>(at(i)) : 0U) << have;
            for (have += width; have >= 8; have -= 8, bits >>= 8U) to.push_back(static_cast<char>(bits & 0xFFU));
        }
    }
}

}  // namespace lakeferry::parquet
