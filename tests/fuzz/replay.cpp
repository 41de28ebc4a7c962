// Runs a fuzzer's function once for every file of the directories (or files) that are named, so that its corpus is an
// ordinary test under any compiler.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run_file(const std::filesystem::path& path)
{
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(static_cast<const std::uint8_t*>(static_cast<const void*>(bytes.data())), bytes.size());
}

}  // namespace

int main(int argc, char** argv)
{
    std::size_t ran = 0;
    for (int i = 1; i < argc; ++i) {
        const std::filesystem::path at(argv[i]);
        if (!std::filesystem::exists(at)) return std::fprintf(stderr, "%s does not exist\n", argv[i]), 1;
        std::vector<std::filesystem::path> files;
        if (std::filesystem::is_regular_file(at)) files.push_back(at);
        if (std::filesystem::is_directory(at))
            for (const auto& entry : std::filesystem::directory_iterator(at))
                if (entry.is_regular_file()) files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const auto& file : files) run_file(file);
        ran += files.size();
    }
    // A corpus that is not there would pass without having tested anything.
    if (ran == 0) return std::fprintf(stderr, "no corpus was found\n"), 1;
    std::printf("%zu inputs ran\n", ran);
    return 0;
}
