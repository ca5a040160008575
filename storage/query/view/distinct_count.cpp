#include "storage/query/view/distinct_count.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "storage/base/digest.h"
#include "storage/base/erlang_term.h"
#include "storage/base/json_normaliser.h"

namespace divan::storage {
namespace {

constexpr int precision = 11;
constexpr std::size_t register_count = std::size_t{1} << precision;
constexpr double linear_counting_max = 1800;
constexpr std::size_t bias_points = 201;
constexpr std::size_t neighbours = 6;

// How far the raw estimate is off, by its size: measured by the authors of HyperLogLog++ (Heule,
// Nunkesser, Hall 2013, appendix).
constexpr std::array<double, bias_points> raw_estimates{
    {
     1477, 1501.6014, 1526.5802, 1551.7942, 1577.3042, 1603.2062, 1629.8402, 1656.2292,
     1682.9462, 1709.9926, 1737.3026, 1765.4252, 1793.0578, 1821.6092, 1849.626, 1878.5568,
     1908.527, 1937.5154, 1967.1874, 1997.3878, 2027.37, 2058.1972, 2089.5728, 2120.1012,
     2151.9668, 2183.292, 2216.0772, 2247.8578, 2280.6562, 2313.041, 2345.714, 2380.3112,
     2414.1806, 2447.9854, 2481.656, 2516.346, 2551.5154, 2586.8378, 2621.7448, 2656.6722,
     2693.5722, 2729.1462, 2765.4124, 2802.8728, 2838.898, 2876.408, 2913.4926, 2951.4938,
     2989.6776, 3026.282, 3065.7704, 3104.1012, 3143.7388, 3181.6876, 3221.1872, 3261.5048,
     3300.0214, 3339.806, 3381.409, 3421.4144, 3461.4294, 3502.2286, 3544.651, 3586.6156,
     3627.337, 3670.083, 3711.1538, 3753.5094, 3797.01, 3838.6686, 3882.1678, 3922.8116,
     3967.9978, 4009.9204, 4054.3286, 4097.5706, 4140.6014, 4185.544, 4229.5976, 4274.583,
     4316.9438, 4361.672, 4406.2786, 4451.8628, 4496.1834, 4543.505, 4589.1816, 4632.5188,
     4678.2294, 4724.8908, 4769.0194, 4817.052, 4861.4588, 4910.1596, 4956.4344, 5002.5238,
     5048.13, 5093.6374, 5142.8162, 5187.7894, 5237.3984, 5285.6078, 5331.0858, 5379.1036,
     5428.6258, 5474.6018, 5522.7618, 5571.5822, 5618.59, 5667.9992, 5714.88, 5763.454,
     5808.6982, 5860.3644, 5910.2914, 5953.571, 6005.9232, 6055.1914, 6104.5882, 6154.5702,
     6199.7036, 6251.1764, 6298.7596, 6350.0302, 6398.061, 6448.4694, 6495.933, 6548.0474,
     6597.7166, 6646.9416, 6695.9208, 6742.6328, 6793.5276, 6842.1934, 6894.2372, 6945.3864,
     6996.9228, 7044.2372, 7094.1374, 7142.2272, 7192.2942, 7238.8338, 7288.9006, 7344.0908,
     7394.8544, 7443.5176, 7490.4148, 7542.9314, 7595.6738, 7641.9878, 7694.3688, 7743.0448,
     7797.522, 7845.53, 7899.594, 7950.3132, 7996.455, 8050.9442, 8092.9114, 8153.1374,
     8197.4472, 8252.8278, 8301.8728, 8348.6776, 8401.4698, 8453.551, 8504.6598, 8553.8944,
     8604.1276, 8657.6514, 8710.3062, 8758.908, 8807.8706, 8862.1702, 8910.4668, 8960.77,
     9007.2766, 9063.164, 9121.0534, 9164.1354, 9218.1594, 9267.767, 9319.0594, 9372.155,
     9419.7126, 9474.3722, 9520.1338, 9572.368, 9622.7702, 9675.8448, 9726.5396, 9778.7378,
     9827.6554, 9878.1922, 9928.7782, 9978.3984, 10026.578, 10076.5626, 10137.1618, 10177.5244,
     10229.9176, }
};

constexpr std::array<double, bias_points> biases{
    {
     1476, 1449.6014,
     1423.5802, 1397.7942,
     1372.3042, 1347.2062,
     1321.8402, 1297.2292,
     1272.9462, 1248.9926,
     1225.3026, 1201.4252,
     1178.0578, 1155.6092,
     1132.626, 1110.5568,
     1088.527, 1066.5154,
     1045.1874, 1024.3878,
     1003.37, 982.1972,
     962.5728, 942.1012,
     922.9668, 903.292,
     884.0772, 864.8578,
     846.6562, 828.041,
     809.714, 792.3112,
     775.1806, 757.9854,
     740.656, 724.346,
     707.5154, 691.8378,
     675.7448, 659.6722,
     645.5722, 630.1462,
     614.4124, 600.8728,
     585.898, 572.408,
     558.4926, 544.4938,
     531.6776, 517.282,
     505.7704, 493.1012,
     480.7388, 467.6876,
     456.1872, 445.5048,
     433.0214, 420.806,
     411.409, 400.4144,
     389.4294, 379.2286,
     369.651, 360.6156,
     350.337, 342.083,
     332.1538, 322.5094,
     315.01, 305.6686,
     298.1678, 287.8116,
     280.9978, 271.9204,
     265.3286, 257.5706,
     249.6014, 242.544,
     235.5976, 229.583,
     220.9438, 214.672,
     208.2786, 201.8628,
     195.1834, 191.505,
     186.1816, 178.5188,
     172.2294, 167.8908,
     161.0194, 158.052,
     151.4588, 148.1596,
     143.4344, 138.5238,
     133.13, 127.6374,
     124.8162, 118.7894,
     117.3984, 114.6078,
     109.0858, 105.1036,
     103.6258, 98.6018000000004,
     95.7618000000002, 93.5821999999998,
     88.5900000000001, 86.9992000000002,
     82.8800000000001, 80.4539999999997,
     74.6981999999998, 74.3644000000004,
     73.2914000000001, 65.5709999999999,
     66.9232000000002, 65.1913999999997,
     62.5882000000001, 61.5702000000001,
     55.7035999999998, 56.1764000000003,
     52.7596000000003, 53.0302000000001,
     49.0609999999997, 48.4694,
     44.933, 46.0474000000004,
     44.7165999999997, 41.9416000000001,
     39.9207999999999, 35.6328000000003,
     35.5276000000003, 33.1934000000001,
     33.2371999999996, 33.3864000000003,
     33.9228000000003, 30.2371999999996,
     29.1373999999996, 25.2272000000003,
     24.2942000000003, 19.8338000000003,
     18.9005999999999, 23.0907999999999,
     21.8544000000002, 19.5176000000001,
     15.4147999999996, 16.9314000000004,
     18.6737999999996, 12.9877999999999,
     14.3688000000002, 12.0447999999997,
     15.5219999999999, 12.5299999999997,
     14.5940000000001, 14.3131999999996,
     9.45499999999993, 12.9441999999999,
     3.91139999999996, 13.1373999999996,
     5.44720000000052, 9.82779999999912,
     7.87279999999919, 3.67760000000089,
     5.46980000000076, 5.55099999999948,
     5.65979999999945, 3.89439999999922,
     3.1275999999998, 5.65140000000065,
     6.3062000000009, 3.90799999999945,
     1.87060000000019, 5.17020000000048,
     2.46680000000015, 0.770000000000437,
     -3.72340000000077,
     1.16400000000067, 8.05340000000069,
     0.135399999999208, 2.15940000000046,
     0.766999999999825, 1.0594000000001,
     3.15500000000065, -0.287399999999252,
     2.37219999999979, -2.86620000000039,
     -1.63199999999961,
     -2.22979999999916,
     -0.15519999999924,
     -1.46039999999994,
     -0.262199999999211,
     -2.34460000000036,
     -2.8078000000005,
     -3.22179999999935,
     -5.60159999999996,
     -8.42200000000048,
     -9.43740000000071,
     0.161799999999857, -10.4755999999998,
     -10.0823999999993,
     }
};

/// The mean bias of the nearest points.
double bias_at(double estimate) {
    std::array<std::size_t, bias_points> order{};
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::fabs(estimate - raw_estimates[a]) < std::fabs(estimate - raw_estimates[b]);
    });
    double sum = 0;
    for (std::size_t i = 0; i < neighbours; ++i) sum += biases[order[i]];
    return sum / static_cast<double>(neighbours);
}

/// The first eight bytes of the digest of the key's term.
std::uint64_t hash_of(BytesView key) {
    auto& json = JsonNormaliser::of_this_thread();
    if (!json.load(key) || !json.value()) throw CorruptBytes();
    Bytes term(1, static_cast<char>(term_version));
    json.append_live_term(term);
    json.unload();
    return ByteReader(sha1(term)).u64();
}

}  // namespace

DistinctCount::DistinctCount() : registers_(register_count, 0) {}

// Most hold few keys: then only the registers that are not 0 are written.
Bytes DistinctCount::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    const auto used = register_count -
                      static_cast<std::size_t>(std::count(registers_.begin(), registers_.end(), 0));
    const bool sparse = used < register_count / 4;
    out.u8(sparse ? 1 : 0);
    for (std::size_t i = 0; i < register_count; ++i) {
        if (!sparse) {
            out.u8(registers_[i]);
        } else if (registers_[i] != 0) {
            out.varint(i);
            out.u8(registers_[i]);
        }
    }
    return bytes;
}

DistinctCount DistinctCount::decode(BytesView bytes) {
    DistinctCount count;
    ByteReader in(bytes);
    if (in.u8() == 0) {
        for (auto& each : count.registers_) each = in.u8();
        return count;
    }
    while (!in.empty()) {
        const auto index = in.varint();
        if (index >= register_count) throw CorruptBytes();
        count.registers_[index] = in.u8();
    }
    return count;
}

void DistinctCount::add(BytesView key) {
    const auto hash = hash_of(key);
    const auto index = static_cast<std::size_t>(hash >> (64 - precision));
    const auto zeros = std::min(std::countl_zero(hash << precision), 64 - precision);
    registers_[index] = std::max(registers_[index], static_cast<std::uint8_t>(zeros + 1));
}

void DistinctCount::add(const DistinctCount& other) {
    for (std::size_t i = 0; i < register_count; ++i) {
        registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
}

std::uint64_t DistinctCount::estimate() const {
    constexpr auto m = static_cast<double>(register_count);
    const double alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0;
    for (const auto each : registers_) sum += std::ldexp(1.0, -static_cast<int>(each));
    const double raw = alpha * m * m / sum;
    const double corrected = raw <= 5 * m ? raw - bias_at(raw) : raw;
    const auto zeros = std::count(registers_.begin(), registers_.end(), 0);
    const double linear = zeros == 0 ? corrected : m * std::log(m / static_cast<double>(zeros));
    return static_cast<std::uint64_t>(
        std::llround(linear <= linear_counting_max ? linear : corrected));
}

}  // namespace divan::storage
