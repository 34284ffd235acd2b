import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import javax.tools.ToolProvider;

/** Runs the Call.java of each folder that comes in a line, and says where its output ends. */
public class Host {
    public static void main(String[] args) throws Exception {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            var folder = Path.of(line);
            int status = compiler.run(null, null, null, "-d", line, folder.resolve("Call.java").toString());
            if (status != 0) throw new IllegalStateException("javac: " + status);
            try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
                loader.loadClass("Call").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
            }
            System.out.println("\n\4");
        }
    }
}
