// Builds one gzip file of NDJSON rows in memory, bounded by its compressed size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lakeferry::profiles {

// Worker threads; one file at a time.
class gzip_file {
public:
    gzip_file();
    ~gzip_file();
    gzip_file(const gzip_file&) = delete;
    gzip_file& operator=(const gzip_file&) = delete;

    void add(std::string_view text);
    // Compressed bytes so far, without what the compressor still holds back (under 64 KiB).
    std::size_t compressed() const noexcept;
    std::uint64_t added() const noexcept;
    // Ends the file and hands it over; the object starts a new one.
    std::string take();

private:
    struct deflater;
    std::unique_ptr<deflater> deflater_;
};

}  // namespace lakeferry::profiles
